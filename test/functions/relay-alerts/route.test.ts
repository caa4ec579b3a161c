import { setImmediate } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { alertCounters } from '#functions/relay-alerts/effects.ts'
import { route } from '#functions/relay-alerts/route.ts'
import type { Envelope } from '#shared/events/envelope.ts'
import { PublishError } from '#shared/events/publish.ts'

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }

function relay(takes: (event: Envelope) => boolean = () => true) {
  const published: Envelope[] = []
  const registry = new Registry()
  const publish = async (event: Envelope) => {
    if (!takes(event)) throw new PublishError('http://broker', event, { status: 503, fault: 'is full', again: true })
    published.push(event)
  }
  const app = route({ publisher: { publish }, log, counters: alertCounters(registry) })
  const post = (body: unknown) =>
    app.request('/', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
  return { post, published, metrics: () => registry.metrics() }
}

const alert = {
  status: 'firing',
  labels: { alertname: 'InstanceIdle', namespace: 'instance-demo' },
  annotations: { summary: 'nobody uses it' },
  startsAt: '2026-11-23T12:00:00.123456789Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus/graph',
  fingerprint: 'c0ffee',
}
const notification = {
  version: '4',
  groupKey: '{}:{alertname="InstanceIdle"}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'platxa',
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager.monitoring:9093',
  alerts: [alert],
}

describe('relay-alerts', () => {
  it('goes on when Alertmanager hangs up, because what hangs on the event would be cut off', async () => {
    const caller = new AbortController()
    const { promise: over, resolve: end } = Promise.withResolvers<boolean>()
    const publish = async (_: Envelope, { signal }: { readonly signal: AbortSignal }) => {
      caller.abort()
      await setImmediate()
      end(signal.aborted)
    }
    const app = route({ publisher: { publish }, log, counters: alertCounters(new Registry()) })
    const asked = app.request('/', { method: 'POST', body: JSON.stringify(notification), signal: caller.signal })
    await Promise.allSettled([asked])
    expect(await over).toBe(false)
  })

  it('makes one event of each alert, with an id that repetitions share', async () => {
    const { post, published } = relay()
    const resolved = { ...alert, status: 'resolved', endsAt: '2026-11-23T12:30:00Z' }
    expect((await post({ ...notification, alerts: [alert, resolved, alert] })).status).toBe(204)
    expect(published).toMatchObject([
      {
        type: 'io.platxa.alert.firing.v1',
        id: 'c0ffee:1795435200:firing',
        source: 'http://alertmanager.monitoring:9093',
        subject: 'instances/demo',
        time: '2026-11-23T12:00:00.123Z',
        data: { alert: 'InstanceIdle', namespace: 'instance-demo', fingerprint: 'c0ffee', labels: alert.labels },
      },
      { type: 'io.platxa.alert.resolved.v1', id: 'c0ffee:1795435200:resolved', time: '2026-11-23T12:30:00.000Z' },
    ])
  })

  it('relays an alert that names no instance', async () => {
    const { post, published } = relay()
    await post({ ...notification, externalURL: '', alerts: [{ ...alert, labels: { alertname: 'ScrapeDown' } }] })
    expect(published).toMatchObject([{ source: '//alertmanager/platxa', data: { alert: 'ScrapeDown' } }])
    expect(published[0]?.subject).toBeUndefined()
  })

  it('answers 503, so that Alertmanager tries again, when the broker refuses one, and relays the others', async () => {
    const { post, published } = relay(({ data }) => !JSON.stringify(data).includes('instance-demo'))
    const other = { ...alert, fingerprint: 'beef', labels: { alertname: 'InstanceIdle', namespace: 'instance-shop' } }
    expect((await post({ ...notification, alerts: [alert, other] })).status).toBe(503)
    expect(published).toHaveLength(1)
  })

  it('counts what max_alerts cut off', async () => {
    const { post, metrics } = relay()
    await post({ ...notification, truncatedAlerts: 7 })
    expect(await metrics()).toContain('platxa_alerts_truncated_total 7')
  })

  const refused: [string, unknown, number, string][] = [
    ['no JSON', 'hello', 422, ''],
    ['another version of the payload', { ...notification, version: '3' }, 422, 'version'],
    ['an alert without a name', { ...notification, alerts: [{ ...alert, labels: {} }] }, 422, 'alertname'],
    ['an alert without a start', { ...notification, alerts: [{ ...alert, startsAt: 'soon' }] }, 422, 'startsAt'],
    ['more than 4 MiB', `{"version":"${'4'.repeat(5_000_000)}"}`, 413, 'too large'],
  ]
  it.each(refused)('refuses %s and names the fault', async (_, body, status, words) => {
    const { post, published } = relay()
    const answer = await post(body)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(words)
    expect(published).toEqual([])
  })
})
