import { describe, expect, it } from 'vitest'
import type { EventRecord } from '#local/broker/memory.ts'
import { shortType, timelineOf } from '#local/console/timeline.ts'

const record = (change: Partial<EventRecord>): EventRecord => ({
  at: 1000,
  id: '1',
  type: 'io.platxa.instance.slept.v1',
  source: '/s',
  subject: 'instances/demo',
  data: '{}',
  from: 'ingress',
  deliveries: [],
  answer: 202,
  ...change,
})

describe('the timeline of an instance', () => {
  it('has what is about it, newest first, and nothing about others', () => {
    const events = [
      record({ at: 1000, data: '{"why":"nobody used it for 2 min"}' }),
      record({ at: 3000, type: 'io.platxa.instance.woken.v1', data: '{"milliseconds":{"total":3210}}' }),
      record({ at: 2000, subject: 'instances/demo-2' }),
    ]
    expect(timelineOf('demo', events, [])).toMatchObject([
      { at: 3000, what: 'woken', detail: 'after 3.2 s', bad: false },
      { at: 1000, what: 'slept', detail: 'nobody used it for 2 min' },
    ])
  })

  it('has the events of its namespace too, warnings marked', () => {
    const event = {
      metadata: {},
      type: 'Warning',
      reason: 'Failed',
      message: 'no such image',
      lastTimestamp: '1970-01-01T00:00:05Z',
      involvedObject: { kind: 'Pod', name: 'odoo-demo-1' },
    }
    expect(timelineOf('demo', [], [event])).toEqual([
      { at: 5000, what: 'Failed', detail: 'Pod odoo-demo-1: no such image', origin: 'cluster', bad: true },
    ])
  })

  it('marks what failed and what was not delivered', () => {
    const lost = { trigger: 'sleep', to: 'http://x', attempts: [], outcome: 'dead letter', reply: undefined } as const
    const events = [record({ type: 'io.platxa.instance.wake.failed.v1' }), record({ deliveries: [lost] }), record({})]
    expect(timelineOf('demo', events, []).map(({ bad }) => bad)).toEqual([true, true, false])
  })

  it.each([
    ['io.platxa.instance.sleep.declined.v1', 'sleep declined'],
    ['io.platxa.idle.scan.requested.v1', 'idle scan requested'],
    ['dev.knative.sources.ping', 'cron tick'],
  ])('shortens %s', (type, short) => {
    expect(shortType(type)).toBe(short)
  })
})
