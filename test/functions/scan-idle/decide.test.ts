import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, scopeOf, type Seen } from '#functions/scan-idle/decide.ts'
import type { Cause } from '#functions/scan-idle/event.ts'
import type { Activity } from '#shared/wake/contract.ts'
import { instance } from '#test/functions/instances.ts'

const now = Temporal.Instant.from('2026-11-23T12:00:00Z')
type Saw = Activity['instances'][string]
const idle: Saw = {
  idleMs: 1_000_000,
  inFlight: 0,
  sockets: 0,
  parked: 0,
  humanIdleMs: null,
  state: 'awake',
  fenced: false,
}

function replica(demo?: Partial<Saw>, upForMs = 3_600_000): Activity {
  return { replica: 'wake-0', upForMs, instances: demo === undefined ? {} : { demo: { ...idle, ...demo } } }
}

function seen(changes: Partial<Seen> = {}): Seen {
  return { awake: [instance()], answers: [replica({})], now, timeoutMs: 900_000, minimumAwakeMs: 120_000, ...changes }
}

describe('scan-idle', () => {
  const rows: [string, Seen, string[]][] = [
    ['unused for longer than the window: idle', seen(), ['demo']],
    ['never used while the replica watched: idle', seen({ answers: [replica()] }), ['demo']],
    [
      'used a minute ago on one of two replicas: busy',
      seen({ answers: [replica({}), replica({ idleMs: 60_000 })] }),
      [],
    ],
    ['a request in flight: busy', seen({ answers: [replica({ inFlight: 1 })] }), []],
    ['a forgotten tab with its socket open: idle', seen({ answers: [replica({ sockets: 1 })] }), ['demo']],
    ['a tab with a person at it: busy', seen({ answers: [replica({ sockets: 1, humanIdleMs: 30_000 })] }), []],
    ['a replica that does not answer: nobody is idle', seen({ answers: [replica({}), undefined] }), []],
    ['a replica younger than the window: nobody is idle', seen({ answers: [replica({}), replica({}, 60_000)] }), []],
    ['no replica at all: nobody is idle', seen({ answers: [] }), []],
    [
      'woken five minutes ago and not used since: not yet',
      seen({ awake: [instance({ since: now.subtract({ minutes: 5 }) })] }),
      [],
    ],
    ['kept awake until later: busy', seen({ awake: [instance({ keepAwakeUntil: now.add({ minutes: 5 }) })] }), []],
    [
      'kept awake until earlier: idle',
      seen({ awake: [instance({ keepAwakeUntil: now.subtract({ minutes: 5 }) })] }),
      ['demo'],
    ],
    [
      'nobody can say since when it is awake: busy',
      seen({ awake: [instance({ since: undefined, createdAt: undefined })] }),
      [],
    ],
    [
      'asked to sleep at once, unused for a second: idle',
      seen({ timeoutMs: 0, answers: [replica({ idleMs: 1_000 })] }),
      ['demo'],
    ],
  ]
  it.each(rows)('%s', (_, given, wanted) => {
    expect(decide(given).idle.map(({ name }) => name)).toEqual(wanted)
  })

  it('carries its evidence with the event', () => {
    const [found] = decide(
      seen({ answers: [replica({ sockets: 2, humanIdleMs: 1_000_000 }), replica({ idleMs: 2_000_000, sockets: 1 })] }),
    ).idle
    expect(found).toEqual({
      name: 'demo',
      lastActivityAt: '2026-11-23T11:43:20Z',
      idleSeconds: 1000,
      timeoutSeconds: 900,
      deploymentUid: 'uid-demo',
      evidence: { replicas: 2, inFlight: 0, sockets: 3, humanIdleSeconds: 1000, awakeSeconds: 14_400 },
    })
  })

  it('does not let an instance that nobody asked about change what is said of another', () => {
    fc.assert(
      fc.property(fc.nat(2_000_000), fc.nat(2_000_000), (demo, shop) => {
        const answers = [
          {
            ...replica({ idleMs: demo }),
            instances: { demo: { ...idle, idleMs: demo }, shop: { ...idle, idleMs: shop } },
          },
        ]
        const alone = decide(seen({ answers })).idle
        const together = decide(seen({ awake: [instance(), instance({ name: 'shop' })], answers })).idle
        expect(together.filter(({ name }) => name === 'demo')).toEqual(alone)
      }),
    )
  })
})

describe('scan-idle, the scope', () => {
  const cause = (type: Cause['type'], data: unknown): Cause =>
    ({ specversion: '1.0', id: '1', source: '//test', type, data, extensions: {} }) as Cause
  const alert = { alert: 'InstanceIdle', labels: {}, fingerprint: 'f' }
  const rows: [string, Cause, object][] = [
    [
      'a cron tick looks at everybody',
      cause('dev.knative.sources.ping', undefined),
      { names: 'all', timeoutMs: 900_000 },
    ],
    [
      'an alert looks at the instance it names',
      cause('io.platxa.alert.firing.v1', { ...alert, namespace: 'instance-demo' }),
      { names: ['demo'], timeoutMs: 900_000 },
    ],
    [
      'an alert about another namespace looks at everybody',
      cause('io.platxa.alert.firing.v1', { ...alert, namespace: 'monitoring' }),
      { names: 'all' },
    ],
    [
      'an operator may want named instances asleep sooner',
      cause('io.platxa.idle.scan.requested.v1', { scope: ['demo'], idleSeconds: 5 }),
      { names: ['demo'], timeoutMs: 5000 },
    ],
    [
      'nobody may want all of them asleep sooner',
      cause('io.platxa.idle.scan.requested.v1', { scope: 'all', idleSeconds: 5 }),
      { names: 'all', timeoutMs: 900_000 },
    ],
    [
      'nobody may stretch the window',
      cause('io.platxa.idle.scan.requested.v1', { scope: ['demo'], idleSeconds: 86_400 }),
      { timeoutMs: 900_000 },
    ],
  ]
  it.each(rows)('%s', (_, given, wanted) => {
    expect(scopeOf(given, 900_000)).toMatchObject(wanted)
  })
})
