import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, scopeOf, type Seen } from '#functions/scan-idle/decide.ts'
import type { Cause } from '#functions/scan-idle/event.ts'
import type { Instance } from '#shared/instance/read.ts'
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
  awakeMs: null,
  state: 'awake',
  fenced: false,
}

function replica(demo?: Partial<Saw>, upForMs = 3_600_000): Activity {
  return { replica: 'wake-0', upForMs, instances: demo === undefined ? {} : { demo: { ...idle, ...demo } } }
}

function seen(changes: Partial<Seen> = {}): Seen {
  const limits = { now, timeoutMs: 900_000, minimumAwakeMs: 120_000, cronAwakeMs: 180_000 }
  return { awake: [instance()], sleepers: [], answers: [replica({})], ...limits, ...changes }
}

const told = (veto: string, changes: Partial<Instance> = {}): Instance =>
  instance({ lastVeto: { veto, detail: 'as said', at: now.subtract({ minutes: 1 }) }, ...changes })
const forJob = (minutes: number): Instance =>
  instance({ since: now.subtract({ minutes }), wokenBy: { trigger: 'cron', client: 'event' } })

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
    [
      'a tab with a person at it: busy, and sleep has written it down',
      seen({ awake: [told('presence')], answers: [replica({ sockets: 1, humanIdleMs: 30_000 })] }),
      [],
    ],
    [
      'a tab with a person at it, of which nobody knows yet: for sleep to look at and write down',
      seen({ answers: [replica({ sockets: 1, humanIdleMs: 30_000 })] }),
      ['demo'],
    ],
    [
      'a tab whose person left an hour ago: idle',
      seen({ answers: [replica({ sockets: 1, humanIdleMs: 3_600_000 })] }),
      ['demo'],
    ],
    ['it is waking: busy', seen({ answers: [replica({ state: 'waking' })] }), []],
    [
      'awake for a minute, as a replica knows before the Deployment says so: busy',
      seen({ answers: [replica({ awakeMs: 60_000 })] }),
      [],
    ],
    ['a replica that does not answer: nobody is idle', seen({ answers: [replica({}), undefined] }), []],
    ['a replica younger than the window: nobody is idle', seen({ answers: [replica({}), replica({}, 60_000)] }), []],
    ['no replica at all: nobody is idle', seen({ answers: [] }), []],
    [
      'woken five minutes ago and not used since: not yet',
      seen({ awake: [instance({ since: now.subtract({ minutes: 5 }) })] }),
      [],
    ],
    [
      'kept awake until later, which is written down: busy',
      seen({ awake: [told('kept-awake', { keepAwakeUntil: now.add({ minutes: 5 }) })] }),
      [],
    ],
    [
      'kept awake until later, which nobody has written down since it woke: for sleep to say',
      seen({ awake: [instance({ keepAwakeUntil: now.add({ minutes: 5 }) })] }),
      ['demo'],
    ],
    [
      'woken for a job four minutes ago and used by nobody since: idle',
      seen({ awake: [forJob(4)], answers: [replica({ idleMs: null })] }),
      ['demo'],
    ],
    [
      'woken for a job two minutes ago: not yet',
      seen({ awake: [forJob(2)], answers: [replica({ idleMs: null })] }),
      [],
    ],
    [
      'woken for a job and then used by somebody: the usual window',
      seen({ awake: [forJob(10)], answers: [replica({ idleMs: 480_000 })] }),
      [],
    ],
    [
      'woken for a job, and a replica came after that: nobody knows what was before',
      seen({ awake: [forJob(10)], answers: [replica({ idleMs: null }), replica(undefined, 120_000)] }),
      [],
    ],
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

  it('gives a shorter window with one that was woken for a job', () => {
    const [found] = decide(seen({ awake: [forJob(4)], answers: [replica({ idleMs: null })] })).idle
    expect(found).toMatchObject({ timeoutSeconds: 180, idleSeconds: 240 })
  })

  const sleeper = (wakeAt: Temporal.Instant, changes: Partial<Instance> = {}): Instance =>
    instance({ replicas: 0, wakeAt, ...changes })
  it.each([
    ['a job that was due a second ago', sleeper(now.subtract({ seconds: 1 })), ['demo']],
    ['one that was due an hour ago, because ticks were missed', sleeper(now.subtract({ hours: 1 })), ['demo']],
    ['one that is due in a second: not yet', sleeper(now.add({ seconds: 1 })), []],
    ['one of a suspended instance: never', sleeper(now.subtract({ hours: 1 }), { status: 'suspended' }), []],
  ])('wakes for %s', (_, given, wanted) => {
    const nobodyAwake = { awake: [], sleepers: [given], answers: [] }
    expect(decide(seen(nobodyAwake)).due.map(({ name }) => name)).toEqual(wanted)
    // Whether anybody counts as idle is another question.
    expect(decide(seen({ sleepers: [given], answers: [undefined] })).due.map(({ name }) => name)).toEqual(wanted)
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
