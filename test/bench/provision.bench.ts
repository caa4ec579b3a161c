import { median, type Figure, type Kit } from './figure.ts'
import { startCluster } from './provision/cluster.ts'
import { startDatabase, type Database } from './provision/database.ts'
import { startProvisioning, type Provisioning } from './provision/function.ts'

export const about = 'a new instance: the real main.ts of provision, a real control plane and a real PostgreSQL'

const INSTANCES = 100
const AT_ONCE = 50
const CLONES = 20

interface Stage {
  readonly kit: Kit
  readonly provisioning: Provisioning
}

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const database = await startDatabase(kit)
  try {
    yield* clones(kit, database)
    const cluster = await startCluster(kit)
    try {
      const provisioning = await startProvisioning(kit, cluster, database)
      const stage = { kit, provisioning }
      // The first one also opens connections and compiles.
      await batch(stage, 'warm', 5, 1)
      yield* provisioned(stage, 'one', 1)
      yield* provisioned(stage, 'fifty', AT_ONCE)
      await provisioning.process.stop()
    } finally {
      await cluster.stop()
    }
  } finally {
    await database.stop()
  }
}

async function* clones(kit: Kit, database: Database): AsyncGenerator<Figure> {
  const [whole, bare]: [number[], number[]] = [[], []]
  kit.say(`cloning ${CLONES} times, and ${CLONES} times with nothing but CREATE DATABASE`)
  for (let round = 0; round < CLONES; round++) {
    whole.push(await database.clone(`clone_${round}`))
    bare.push(await database.bare(`bare_${round}`))
  }
  yield {
    name: 'provision.clone',
    value: median(whole),
    unit: 'ms',
    reference: `nothing but CREATE DATABASE … TEMPLATE: ${median(bare).toFixed(0)} ms, ${(database.templateBytes / 1e6).toFixed(0)} MB`,
    ratio: median(whole.map((ms, round) => ms / (bare[round] ?? NaN))),
  }
}

async function* provisioned(stage: Stage, how: 'one' | 'fifty', abreast: number): AsyncGenerator<Figure> {
  const { times, cloneSeconds } = await batch(stage, how, INSTANCES, abreast)
  const words = `${INSTANCES} instances, ${abreast === 1 ? 'one at a time' : `${abreast} at once`}`
  yield {
    name: `provision.${how}.p50`,
    value: median(times),
    unit: 'ms',
    reference: `until the pod has a node: ${words}`,
  }
  yield { name: `provision.${how}.p99`, value: at(0.99, times), unit: 'ms', reference: words }
  const all = times.reduce((sum, ms) => sum + ms, 0) / 1000
  yield {
    name: `provision.${how}.clone-share`,
    value: cloneSeconds / all,
    unit: 'ratio',
    reference: `of that time is the clone: ${((cloneSeconds / INSTANCES) * 1000).toFixed(0)} ms each`,
  }
}

/** As soon as one has its node, the next is asked for. */
async function batch(
  { kit, provisioning }: Stage,
  prefix: string,
  count: number,
  abreast: number,
): Promise<{ readonly times: number[]; readonly cloneSeconds: number }> {
  const before = await provisioning.cloning()
  const times: number[] = []
  const queue = Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      times.push(await provisioning.provision(name))
      if (times.length % 25 === 0) kit.say(`instance ${times.length} of ${count}, ${abreast} at once`)
    }
  }
  await Promise.all(Array.from({ length: abreast }, worker))
  const cloneSeconds = (await provisioning.cloning()) - before
  return { times, cloneSeconds }
}

function at(share: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
