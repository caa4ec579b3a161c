// Every function that changes an instance, ended right after each of its writes in turn, to the API server or to
// PostgreSQL. Then its event comes again, and the world must be the one of an undisturbed run.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { memoryOf, runningPod } from '#functions/change-tier/resize.ts'
import { deploymentRef } from '#shared/cluster/refs.ts'
import type { Outgoing } from '#shared/events/emit.ts'
import { annotationKeys } from '#shared/instance/names.ts'
import type { ReplicaSettings } from '#shared/wake/replicas.ts'
import { installManifests, instanceName, request, within } from '#test/functions/provision/world.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'
import { mortal } from '#test/world/crash.ts'
import {
  deploymentOf,
  everythingOf,
  idleDetected,
  life,
  removal,
  runSmaller,
  scale,
  slept,
  statusChanged,
  tierChanged,
  uidOf,
  type FunctionName,
  type Life,
} from '#test/world/life.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { wakeReplica, type WakeReplicaOptions } from '#test/world/wake-replica.ts'

describe('a function that ends right after any of its writes', { timeout: 900_000 }, () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  /** Ended after its k-th write, and then delivered again. Returns after which write that was. */
  async function interrupted(here: Life, name: FunctionName, event: Outgoing, writes: number, status = 200) {
    const process = mortal(await here.hands(name), writes)
    await here.deliver(event, process)
    const after = `after write ${writes}: ${process.writes.at(-1)}`
    expect([after, process.writes.length]).toEqual([after, writes])
    expect([after, await insist(here, event)]).toEqual([after, status])
    return after
  }

  /** As the broker does, which comes again while something is on its way. */
  async function insist({ deliver }: Life, event: Outgoing): Promise<number> {
    const status = async () => (await deliver(event)).status
    for (let tries = 1; tries < 5; tries += 1) {
      const answer = await status()
      if (answer !== 503) return answer
    }
    return status()
  }

  /** A new instance for each write: for what happens to one once. */
  const once: readonly [string, FunctionName, number, (name: string, here: Life) => Promise<Outgoing>][] = [
    ['provision', 'provision', 3, async (name) => request(name)],
    // Most of it is waiting for the namespace to be gone.
    [
      'remove',
      'remove',
      8,
      async (name, { deliver }) => (await deliver(request(name)), removal(name, { uid: await uidOf(name) })),
    ],
    [
      'remove, with its database kept',
      'remove',
      8,
      async (name, { deliver }) => {
        await deliver(request(name))
        return removal(name, { uid: await uidOf(name), keepDatabase: true })
      },
    ],
  ]
  it.each(once)('%s: its event comes again, and nothing shows', async (_, functionName, abreast, begin) => {
    const here = life(postgres)
    const undisturbed = instanceName()
    const counting = mortal(await here.hands(functionName))
    const event = await begin(undisturbed, here)
    await here.deliver(event, counting)
    await insist(here, event)
    const expected = await everythingOf(undisturbed, postgres)
    expect(counting.writes.length).toBeGreaterThan(3)
    const all = counting.writes.map((_, index) => index + 1)
    const endedAfter = async (writes: number): Promise<void> => {
      const name = instanceName()
      const after = await interrupted(here, functionName, await begin(name, here), writes)
      expect([after, await everythingOf(name, postgres)]).toEqual([after, expected])
    }
    while (all.length > 0) await Promise.all(all.splice(0, abreast).map(endedAfter))
  })

  interface Step {
    readonly function: FunctionName
    readonly before?: (name: string) => Promise<void>
    readonly event: (name: string, revision: number) => Outgoing | Promise<Outgoing>
    /** Of an undisturbed delivery. */
    readonly status?: number
    /** What else must be the same in the end. */
    readonly also?: (name: string) => Promise<unknown>
  }
  const asleep = (name: string) => scale(name, 0)
  const awake = (name: string) => scale(name, 1)
  const toTier = (tier: 'free' | 'pro', apply: 'now' | 'when-asleep') => (name: string, revision: number) =>
    tierChanged(name, { revision, tier, apply })
  const toStatus = (status: 'active' | 'suspended' | 'disabled') => (name: string, revision: number) =>
    statusChanged(name, { revision, status })

  /** Until hardly anybody writes to the Deployment any more. */
  const wokenByVisitor = async (name: string): Promise<void> => {
    const kubernetes = await cluster()
    const said = { metadata: { annotations: { [annotationKeys.why]: 'Woken: a visitor' } } }
    await kubernetes.patch(deploymentRef(name), said, { type: 'merge', signal: within() })
    await awake(name)
    const look = () => kubernetes.get<Deployment>(deploymentRef(name), { signal: within() })
    const settled = async () => {
      const { metadata, status } = (await look()) ?? {}
      return status?.observedGeneration === metadata?.generation && status?.unavailableReplicas === 1
    }
    await expect.poll(settled, { timeout: 30_000 }).toBe(true)
  }
  const idle = async (name: string, revision: number) => idleDetected(name, revision, await deploymentOf(name))

  const memoryOfPod = async (name: string) => {
    const pod = await runningPod(await cluster(), name, within())
    return pod && memoryOf(pod)
  }

  /** Steps that lead in a circle, so that one instance serves for many writes. */
  const circles: Readonly<Record<string, readonly Step[]>> = {
    'change-status': [
      { function: 'change-status', before: awake, event: toStatus('suspended') },
      { function: 'change-status', event: toStatus('active') },
    ],
    'change-tier, of an awake instance': [
      { function: 'change-tier', before: awake, event: toTier('pro', 'now') },
      { function: 'change-tier', event: toTier('free', 'now') },
    ],
    'change-tier, of one that is awake and may wait': [
      { function: 'change-tier', before: awake, event: toTier('pro', 'when-asleep'), status: 204 },
      { function: 'change-tier', before: asleep, event: (name, revision) => slept(name, `night ${revision}`) },
      { function: 'change-tier', event: toTier('free', 'when-asleep') },
    ],
    'change-tier, of a running pod that only grows': [
      {
        function: 'change-tier',
        before: (name) => runSmaller(name, '768Mi'),
        event: toTier('pro', 'now'),
        also: memoryOfPod,
      },
    ],
    sleep: [{ function: 'sleep', before: wokenByVisitor, event: idle }],
  }
  const INSTANCES = 3

  it.each(Object.entries(circles))('%s: its event comes again, and nothing shows', async (_, steps) => {
    const here = life(postgres, { replicas: await quietFrontDoor(), resizeWithinMs: 200 })
    const goRound = async (share: number): Promise<void> => {
      const name = instanceName()
      await here.deliver(request(name))
      let revision = 1
      const next = async (step: Step): Promise<Outgoing> => {
        await step.before?.(name)
        revision += 1
        return step.event(name, revision)
      }
      const look = async ({ also }: Step) => [withoutRevisions(await everythingOf(name, postgres)), await also?.(name)]
      // Once round, because the first time is not like the others.
      for (const step of steps) {
        const event = await next(step)
        await here.deliver(event)
      }
      const undisturbed: { readonly step: Step; readonly writes: number; readonly world: unknown }[] = []
      for (const step of steps) {
        const counting = mortal(await here.hands(step.function))
        const event = await next(step)
        await here.deliver(event, counting)
        undisturbed.push({ step, writes: counting.writes.length, world: await look(step) })
      }
      const most = Math.max(...undisturbed.map(({ writes }) => writes))
      for (let writes = 1 + share; writes <= most; writes += INSTANCES) {
        for (const { step, writes: all, world } of undisturbed) {
          const event = await next(step)
          if (writes > all) {
            await here.deliver(event)
            continue
          }
          const after = await interrupted(here, step.function, event, writes, step.status)
          expect([after, await look(step)]).toEqual([after, world])
        }
      }
    }
    await Promise.all(Array.from({ length: INSTANCES }, (_, share) => goRound(share)))
  })
})

/** One wake replica that saw nothing for a long time. */
async function quietFrontDoor(): Promise<ReplicaSettings> {
  const quiet = { fence: 'f1', upForMs: 3_600_000, idleMs: 1_000_000, inFlight: 0, humanIdleMs: null }
  const namespace = await testNamespace('wake')
  const reply: WakeReplicaOptions['reply'] = ({ method }) =>
    method === 'POST' ? { status: 200, body: quiet } : { status: 204 }
  const replica = await wakeReplica({
    kubernetes: await cluster(),
    namespace,
    name: 'wake-0',
    address: '127.0.92.1',
    reply,
  })
  onTestFinished(() => replica.close())
  return { namespace, port: replica.port, controlTimeoutMs: 5_000 }
}

/** Everything but what goes on with each event. */
function withoutRevisions(everything: unknown): unknown {
  const text = JSON.stringify(everything, (key, value: unknown) => (PASSING.has(key) ? undefined : value))
  return JSON.parse(
    text.replaceAll(/(\\"(?:revision|requested|tier|status)\\":)\d+/g, '$10').replaceAll(/night \d+/g, 'one night'),
  )
}
const PASSING = new Set<string>([annotationKeys.revision, annotationKeys.awakeSeconds])
