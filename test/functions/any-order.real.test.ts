// Whole histories of three instances at once, their events shuffled and some of them doubled, to the functions that change
// an instance: real API server, real PostgreSQL. Each must end as one that only ever got the newest event of each part.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { catalogue, type Status, type Tier } from '#shared/events/catalogue.ts'
import { makeEvent, type Outgoing } from '#shared/events/emit.ts'
import { annotationKeys } from '#shared/instance/names.ts'
import { installManifests, instanceName, objectsOf, request, type Answered } from '#test/functions/provision/world.ts'
import {
  deploymentOf,
  everythingOf,
  life,
  removal,
  scale,
  slept,
  statusChanged,
  tierChanged,
  tombstoneFor,
  uidOf,
  type Life,
} from '#test/world/life.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'

/** Each takes some ten seconds: three instances and the three they are held against. */
const RUNS = 6

type Change =
  | { readonly of: 'request'; readonly tier: Tier; readonly host: string }
  | { readonly of: 'tier'; readonly tier: Tier; readonly apply: 'now' | 'when-asleep' }
  | { readonly of: 'status'; readonly status: Status }
  | { readonly of: 'removal' }
type Written = Change & { readonly revision: number }

interface Told {
  /** In the order of their revisions. */
  readonly history: readonly Written[]
  /** In the order of their arrival. */
  readonly delivered: readonly Written[]
}

const anyTier = fc.constantFrom<Tier>('free', 'pro', 'team', 'enterprise')
const anyRequest = fc.record({
  of: fc.constant('request' as const),
  tier: anyTier,
  host: fc.constantFrom('one.example.org', 'two.example.org', 'three.example.org'),
})
const anyChange = fc.oneof(
  anyRequest,
  fc.record({
    of: fc.constant('tier' as const),
    tier: anyTier,
    apply: fc.constantFrom('now' as const, 'when-asleep' as const),
  }),
  fc.record({
    of: fc.constant('status' as const),
    status: fc.constantFrom<Status>('active', 'suspended', 'disabled'),
  }),
)
const anyEnd = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.constant([{ of: 'removal' as const }]) },
)
const anyTold: fc.Arbitrary<Told> = fc
  .tuple(anyRequest, fc.array(anyChange, { minLength: 1, maxLength: 4 }), anyEnd)
  .map(([first, changes, end]): readonly Written[] =>
    [first, ...changes, ...end].map((change, index) => ({ ...change, revision: index + 1 })),
  )
  .chain((history) =>
    fc
      .tuple(
        fc.shuffledSubarray([...history], { minLength: history.length }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }),
      )
      .map(([shuffled, doubles]) => ({ history, delivered: withDoubles(shuffled, doubles) })),
  )

function withDoubles(all: readonly Written[], doubles: readonly (readonly [number, number])[]): readonly Written[] {
  return doubles.reduce<readonly Written[]>((so, [which, where]) => {
    const double = so[which % so.length]
    return double === undefined ? so : so.toSpliced(where % (so.length + 1), 0, double)
  }, all)
}

/** All that counts in the end. */
interface Newest {
  readonly request: Written & { readonly of: 'request' }
  readonly tier: Written & { readonly of: 'request' | 'tier' }
  readonly status: (Written & { readonly of: 'status' }) | undefined
  readonly removal: Written | undefined
  readonly revision: number
}

function newestOf(history: readonly Written[]): Newest {
  const request = history.findLast((change) => change.of === 'request')
  const tier = history.findLast((change) => change.of === 'request' || change.of === 'tier')
  if (!request || !tier) throw new Error('every history begins with a request')
  return {
    request,
    tier,
    status: history.findLast((change) => change.of === 'status'),
    removal: history.find((change) => change.of === 'removal'),
    revision: history.length,
  }
}

describe('events in any order, some of them twice', { timeout: 900_000 }, () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  it('end in the world that the newest revision asks for, for three instances at once', async () => {
    const here = life(postgres)
    const ofThree = fc.asyncProperty(fc.array(anyTold, { minLength: 3, maxLength: 3 }), async (three) => {
      await Promise.all(three.map((told) => endsAsAsked(here, told)))
    })
    // Not made smaller: each try would be another ten seconds. The seed and the histories are in the error.
    await fc.assert(ofThree, { numRuns: RUNS, endOnFailure: true })
  })
})

async function endsAsAsked(here: Life, { history, delivered }: Told): Promise<void> {
  const newest = newestOf(history)
  const [name, model] = [instanceName(), instanceName()]
  const { request, tier, status } = newest
  const needed = [request, ...(tier === request ? [] : [tier]), ...(status ? [status] : [])]
  await Promise.all([play(here, name, delivered), play(here, model, newest.removal ? [] : needed)])
  if (newest.removal) {
    const removedBy = String(newest.removal.revision)
    expect(await everythingOf(name, here.postgres)).toEqual({ exists: [], whole: [], replicas: undefined, removedBy })
    return
  }
  await isAsAsked(name, newest)
  const whole = async (of: string) => comparable(await everythingOf(of, here.postgres), status?.status ?? 'active')
  expect(await whole(name)).toEqual(await whole(model))
  if ((status?.status ?? 'active') === 'active') return
  // What a locked tenant could not be told.
  const back = (of: string) => here.deliver(statusChanged(of, { revision: newest.revision + 1, status: 'active' }))
  await Promise.all([back(name), back(model)])
  const [end, wanted] = await Promise.all([name, model].map((of) => everythingOf(of, here.postgres)))
  expect(comparable(end, 'active')).toEqual(comparable(wanted, 'active'))
}

/** As a broker does: what is not taken comes again, and an answer is an event too. In the end everybody goes home. */
async function play(here: Life, name: string, order: readonly Written[]): Promise<void> {
  const queue: (Written | Outgoing)[] = [...order]
  for (let deliveries = 0; queue.length > 0; deliveries += 1) {
    const next = queue.shift()
    if (next === undefined || deliveries > 100) throw new Error(`nobody takes ${JSON.stringify(next)}`)
    const event = 'type' in next ? next : await eventOf(name, next)
    const answer = event && (await here.deliver(event))
    if (answer === undefined || answer.status === 503) queue.push(next)
    else queue.push(...heardByTier(answer))
  }
  if ((await deploymentOf(name)) === undefined) return
  await scale(name, 0)
  await here.deliver(slept(name, 'in the end'))
}

/** Undefined: nobody can ask for it yet, because a removal names the UID that a request was answered with. */
async function eventOf(name: string, change: Written): Promise<Outgoing | undefined> {
  const { revision } = change
  switch (change.of) {
    case 'request':
      return request(name, { revision, tier: change.tier, hosts: [change.host], ownerId: `owner-${revision}` })
    case 'tier':
      return tierChanged(name, { revision, tier: change.tier, apply: change.apply })
    case 'status':
      return statusChanged(name, { revision, status: change.status })
    case 'removal': {
      const uid = (await tombstoneFor(name))?.data?.['uid'] ?? (await uidOf(name))
      return uid === 'none' ? undefined : removal(name, { uid, revision })
    }
  }
}

/** What the Trigger of change-tier passes on: who is locked out sleeps. */
function heardByTier({ type, id, data }: Answered): Outgoing[] {
  const applied = 'io.platxa.instance.status.applied.v1'
  if (type !== applied || id === null) return []
  const source = '//functions.platxa.io/change-status'
  return [makeEvent({ type: applied, source, id, data: catalogue[applied].parse(data) })]
}

async function isAsAsked(name: string, { request, tier, status, revision }: Newest): Promise<void> {
  const [namespace] = await objectsOf(name)
  const deployment = await deploymentOf(name)
  for (const object of [namespace, deployment]) {
    expect(object?.metadata.labels).toMatchObject({
      'platxa.io/resource-tier': tier.tier,
      'platxa.io/status': status?.status ?? 'active',
      'platxa.io/owner': `owner-${request.revision}`,
    })
  }
  expect(namespace?.metadata.annotations).toMatchObject({ [annotationKeys.revision]: String(revision) })
  const hosts = `${request.host},${name}.platxa.com`
  expect(deployment?.metadata.annotations).toMatchObject({ [annotationKeys.hosts]: hosts })
  expect(deployment?.spec?.replicas).toBe(0)
}

/**
 * Without what tells the way and not the end: sentences for people, the event that settled a tier, and how large a volume
 * has been, because it never shrinks. The address in the database of a locked tenant is told when it comes back.
 */
function comparable(everything: unknown, status: Status): unknown {
  const ways = new Set<string>([annotationKeys.why, annotationKeys.awakeSeconds, 'storage', 'tierSettledBy'])
  if (status !== 'active') ways.add('web.base.url')
  const text = JSON.stringify(everything, (key, value: unknown) => {
    if (ways.has(key)) return undefined
    return key === annotationKeys.spec && typeof value === 'string' ? JSON.parse(value) : value
  })
  return JSON.parse(text)
}
