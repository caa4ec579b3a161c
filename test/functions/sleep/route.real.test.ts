import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { annotationKeys } from '#shared/instance/names.ts'
import { installManifests } from '#test/functions/provision/world.ts'
import { addresses } from '#test/world/addresses.ts'
import { cluster } from '#test/world/cluster.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { wakeReplica } from '#test/world/wake-replica.ts'
import { answering, idleEvent, sleepWorld, type Answering } from './world.ts'

describe('sleep, the whole way', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })
  const world = (...replies: Answering[]) => sleepWorld(postgres, ...replies)

  it('fences every replica, scales to 0, says why, and leaves the fence to the replicas that see it', async () => {
    const { deliver, now, notes, replicas, name, metrics } = await world(answering(), answering({ idleMs: 2_000_000 }))
    expect(await deliver()).toMatchObject({
      status: 200,
      type: 'io.platxa.instance.slept.v1',
      data: { name, why: 'nobody used it for 17 min' },
    })
    expect((await now())?.spec?.replicas).toBe(0)
    expect((await notes())[annotationKeys.why]).toMatch(
      /^Asleep since \S+ \S+ UTC: nobody used it for 17 min; wakes at/,
    )
    expect(replicas.map(({ calls }) => calls.map(({ method }) => method))).toEqual([['POST'], ['POST']])
    expect(await metrics()).toMatch(/platxa_sleep_decisions_total\{decision="slept"\} 1/)
  })

  it('says the same a second time, under the same id, and counts the sleep once', async () => {
    const { deliver, now, notes, replicas } = await world(answering())
    const first = await deliver()
    const before = await notes()
    const second = await deliver()
    expect(second).toEqual(first)
    expect((await now())?.spec?.replicas).toBe(0)
    expect(replicas[0]?.calls).toHaveLength(1)
    expect(await notes()).toEqual(before)
    expect(before).toMatchObject({
      [annotationKeys.sleeps]: '1',
      [annotationKeys.awakeTotalSeconds]: expect.stringMatching(/^3[5-7]\d\d$/),
    })
  })

  it('finishes what a crash after the scale-down left: the note, the count, the wake for its jobs', async () => {
    const { deliver, notes, deps } = await world(answering())
    const dying = {
      ...deps.kubernetes,
      patch: () => Promise.reject(new Error('the process is gone')),
    }
    expect((await deliver(undefined, { kubernetes: dying })).status).toBeGreaterThanOrEqual(500)
    expect((await notes())[annotationKeys.sleeps]).toBeUndefined()
    const answer = await deliver()
    expect(answer).toMatchObject({ status: 200, data: { why: 'nobody used it for 17 min' } })
    expect(answer.data?.['awakeSeconds']).toBeGreaterThanOrEqual(3500)
    expect(await deliver()).toEqual(answer)
    expect(await notes()).toMatchObject({ [annotationKeys.sleeps]: '1', [annotationKeys.wakeAt]: expect.any(String) })
  })

  it('finishes what it began when the broker hangs up on it in the middle', async () => {
    const { deliver, notes, now, deps } = await world(answering())
    const caller = new AbortController()
    const scale: typeof deps.kubernetes.scale = async (ref, replicas, options) => {
      const scaled = await deps.kubernetes.scale(ref, replicas, options)
      caller.abort()
      return scaled
    }
    await deliver(undefined, { kubernetes: { ...deps.kubernetes, scale } }, caller.signal).catch(() => undefined)
    expect((await now())?.spec?.replicas).toBe(0)
    await expect.poll(async () => (await notes())[annotationKeys.sleeps], { timeout: 60_000 }).toBe('1')
    expect((await notes())[annotationKeys.why]).toMatch(/^Asleep since .*: nobody used it for 17 min; wakes at/)
  })

  const vetoes: [string, string, Answering[]][] = [
    ['one replica has a request in flight', 'request-in-flight', [answering(), answering({ inFlight: 1 })]],
    ['one replica saw a request a second ago', 'activity', [answering({ idleMs: 1000 }), answering()]],
    ['one replica saw somebody move', 'presence', [answering({ humanIdleMs: 1000 })]],
    ['one replica has only just started', 'replica-young', [answering(), answering({ upForMs: 1000, idleMs: null })]],
    ['one replica hangs', 'replica-silent', [answering(), () => 'hang']],
    ['one replica is fenced by somebody else', 'replica-silent', [answering(), () => ({ status: 409 })]],
    [
      'one replica answers something else',
      'replica-silent',
      [answering(), () => ({ status: 200, body: { ok: true } })],
    ],
  ]
  it.each(vetoes)('declines and lifts every fence when %s', async (_, veto, replies) => {
    const { deliver, now, notes, replicas } = await world(...replies)
    expect(await deliver()).toMatchObject({ status: 200, type: 'io.platxa.instance.sleep.declined.v1', data: { veto } })
    expect((await now())?.spec?.replicas).toBe(1)
    expect(replicas[0]?.calls.map(({ method }) => method)).toEqual(['POST', 'DELETE'])
    expect((await notes())[annotationKeys.why]).toMatch(new RegExp(`^Awake since .* last veto: ${veto} at`))
  })

  it('declines when there is no replica to ask', async () => {
    const { deliver, now } = await world()
    expect(await deliver()).toMatchObject({ data: { veto: 'no-replica' } })
    expect((await now())?.spec?.replicas).toBe(1)
  })

  it('declines when a replica comes while the others are asked', async () => {
    let arrive: () => Promise<void> = () => Promise.resolve()
    const { deliver, now, replicas, wakeNamespace } = await world(async (call) => {
      if (call.method === 'POST') await arrive()
      return answering()(call)
    })
    arrive = async () => {
      const where = { namespace: wakeNamespace, name: 'late', address: addresses()(), port: replicas[0]?.port ?? 0 }
      const late = await wakeReplica({ kubernetes: await cluster(), ...where, reply: answering() })
      onTestFinished(() => late.close())
    }
    expect(await deliver()).toMatchObject({ data: { veto: 'replica-young' } })
    expect((await now())?.spec?.replicas).toBe(1)
  })

  describe('asks open tabs whether somebody is there', () => {
    /** A tab tells when it was asked. */
    const tab = (humanIdleMs: number): Answering => {
      let asked = false
      return (call) => {
        if (!call.path.endsWith('/tabs')) return answering(asked ? { humanIdleMs } : {})(call)
        asked = true
        return { status: 200, body: { asked: 1 } }
      }
    }
    const idleWithTabs = async (replicas: Answering[], tabsAnswerMs = 50) => {
      const asked = await world(...replicas)
      const uid = (await asked.now())?.metadata?.uid ?? ''
      const answer = await asked.deliver(idleEvent(asked.name, uid, { sockets: 1 }), { tabsAnswerMs })
      return { answer, calls: asked.replicas.map(({ calls }) => calls.map(({ path }) => path.split('/').at(3))) }
    }

    it('and stays awake for one whose human moved a second ago', async () => {
      const { answer, calls } = await idleWithTabs([answering(), tab(1000)])
      expect(answer).toMatchObject({ status: 200, data: { veto: 'presence' } })
      expect(calls[1]).toEqual(['tabs', 'fence', 'fence'])
    })

    it('and sleeps when its human has been away for as long', async () => {
      const { answer } = await idleWithTabs([answering(), tab(2_000_000)])
      expect(answer).toMatchObject({ status: 200, type: 'io.platxa.instance.slept.v1' })
    })

    it('and goes on when a replica knows of no such question, as the one before it did', async () => {
      const old: Answering = (call) => (call.path.endsWith('/tabs') ? { status: 404 } : answering()(call))
      const { answer } = await idleWithTabs([old])
      expect(answer).toMatchObject({ status: 200, type: 'io.platxa.instance.slept.v1' })
    })

    it('but not where the setting says that they are not asked', async () => {
      const { calls } = await idleWithTabs([tab(1000)], 0)
      expect(calls).toEqual([['fence']])
    })
  })

  it('does nothing to a namesake that was made since', async () => {
    const { deliver, now, name, replicas } = await world(answering())
    expect((await deliver(idleEvent(name, 'another'))).status).toBe(204)
    expect((await now())?.spec?.replicas).toBe(1)
    expect(replicas[0]?.calls).toEqual([])
  })
})
