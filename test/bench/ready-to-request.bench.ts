import { setTimeout as sleep } from 'node:timers/promises'
import { median, type Figure, type Kit } from './figure.ts'
import { newAddress } from './wake/addresses.ts'
import { bareLoop, bootOdoo, heldCall } from './wake/boot.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'
import { startReplica, type Replica } from './wake/replica.ts'

export const about =
  'a held request, from the moment the pod can answer: the real main.ts of wake and a real API server'

const WAKES = 100
const name = 'demo'

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create(name)
    yield* overhead({ kit, cluster, replica: await startReplica(kit, cluster) })
  } finally {
    await cluster.stop()
  }
}

interface Stage {
  readonly kit: Kit
  readonly cluster: Cluster
  readonly replica: Replica
}

/** Milliseconds since the instance could answer. */
interface Wake {
  readonly wake: number
  readonly bare: number
  readonly request: number
}

async function* overhead(stage: Stage): AsyncGenerator<Figure> {
  const atOnce = await wakes(stage, 0)
  const bare = 'bare loop that dials every 5 ms:'
  const arrived = atOnce.map(({ request }) => request)
  yield {
    name: 'ready-to-request.p99',
    value: at(0.99, arrived),
    unit: 'ms',
    reference: `until the held request reaches the pod that can answer; p50 ${median(arrived).toFixed(1)} ms, ${WAKES} wakes`,
    goal: { atMost: 60 },
  }
  yield compared('ready-to-request.answered', atOnce, 0.5, bare)
  yield compared('ready-to-request.answered.p99', atOnce, 0.99, bare)
  const loading = await wakes(stage, 300)
  yield compared('ready-to-request.loading', loading, 0.5, 'accepts 300 ms before it answers, as Odoo does; bare loop:')
  yield compared('ready-to-request.loading.p99', loading, 0.99, bare)
}

function compared(figure: string, measured: readonly Wake[], share: number, what: string): Figure {
  const value = at(
    share,
    measured.map(({ wake }) => wake),
  )
  const bare = at(
    share,
    measured.map(({ bare }) => bare),
  )
  return { name: figure, value, unit: 'ms', reference: `${what} ${bare.toFixed(1)} ms`, ratio: value / bare }
}

async function wakes(stage: Stage, loadMs: number): Promise<Wake[]> {
  const measured: Wake[] = []
  for (let i = 0; i < WAKES; i++) {
    if (i % 25 === 0) stage.kit.say(`wake ${i} of ${WAKES}, answers ${loadMs} ms after it accepts`)
    measured.push(await wakeOnce(stage, loadMs))
  }
  return measured
}

async function wakeOnce({ kit: { signal }, cluster, replica }: Stage, loadMs: number): Promise<Wake> {
  const ip = newAddress()
  const held = heldCall(replica.port, name)
  await cluster.wanted(name)
  await cluster.runPod(name, ip)
  const bare = bareLoop(ip, signal)
  // Longer than the watch takes, and at no fixed place between two probes.
  await sleep(150 + Math.random() * 100)
  const odoo = await bootOdoo(ip, loadMs)
  const [wakeAt, bareAt] = await Promise.all([held, bare])
  const { canAnswerAt, firstRequestAt } = odoo
  await cluster.putToSleep(name)
  await odoo.stop()
  await replica.sees(name, 'asleep')
  return { wake: wakeAt - canAnswerAt, bare: bareAt - canAnswerAt, request: firstRequestAt - canAnswerAt }
}

function at(share: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
