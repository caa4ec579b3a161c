import { describe, expect, it } from 'vitest'
import type { BrokerEvent } from '#local/broker/event.ts'
import { pingSourceManifest } from '#local/broker/manifest.ts'
import { startPing, tick } from '#local/broker/ping.ts'

const source = (spec: object = {}) =>
  pingSourceManifest.parse({
    kind: 'PingSource',
    metadata: { name: 'scan', namespace: 'platxa' },
    spec: { schedule: '* * * * * *', sink: { uri: 'http://x' }, ...spec },
  })

/** Answers one status after the other and keeps what was sent. */
function sink(...statuses: (number | undefined)[]) {
  const sent: BrokerEvent[] = []
  const send = async (event: BrokerEvent) => {
    sent.push(event)
    return statuses[Math.min(sent.length, statuses.length) - 1]
  }
  return { sent, send }
}
const signal = AbortSignal.timeout(60_000)

describe('local PingSource', () => {
  it('sends an event without data, named after itself', async () => {
    const { sent, send } = sink(202)
    await tick(source(), send, signal)
    expect(sent[0]).toMatchObject({
      attributes: { type: 'dev.knative.sources.ping', source: '/apis/v1/namespaces/platxa/pingsources/scan' },
      contentType: undefined,
    })
    expect(sent[0]?.body).toHaveLength(0)
  })

  it.each([
    ['tries again after 503', [503, 202], 2],
    ['tries again when nobody answered', [undefined, 202], 2],
    ['loses the tick after 500', [500, 202], 1],
    ['loses the tick after 409', [409, 202], 1],
    ['gives up after five retries', [503], 6],
  ])('%s', async (_, statuses, times) => {
    const { sent, send } = sink(...statuses)
    await tick(source(), send, signal)
    expect(sent).toHaveLength(times)
    expect(new Set(sent.map(({ attributes }) => attributes['id'])).size).toBe(1)
  })

  it('keeps time', async () => {
    const { sent, send } = sink(202)
    const stop = startPing(source(), send)
    await expect.poll(() => sent.length).toBeGreaterThan(0)
    stop()
  })
})
