import { join } from 'node:path'
import { z } from 'zod'
import { inNamespaces } from '#local/cluster/namespaces.ts'
import { faultOfMachine } from '#test/cluster/test.ts'
import { makeClusterFolder } from '#test/cluster/folder.ts'
import { prepare } from '#test/cluster/prepare.ts'
import { median, type Figure, type Kit } from './figure.ts'

export const about =
  'on a real node, from a request to the first byte of a light server that sleeps: behind wake, as a Knative Service, the bare way'

const ways = ['bare', 'wake', 'knative'] as const
export type Way = (typeof ways)[number]
/** The last line of inside.ts: milliseconds of each try. */
const measured = z.record(z.enum(ways), z.array(z.number()).min(1))

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const fault = await faultOfMachine()
  if (fault !== undefined) {
    kit.say(`no cluster here: ${fault}`)
    return
  }
  const folder = await makeClusterFolder()
  try {
    await prepare(folder.path)
    yield* compared(await measure(kit, folder.path))
  } finally {
    await folder.remove()
  }
}

async function measure(kit: Kit, folder: string): Promise<Record<Way, number[]>> {
  const inside = [process.execPath, join(import.meta.dirname, 'cluster', 'inside.ts')] as const
  const { file, args, env } = inNamespaces(inside, folder)
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const output = await (await kit.program('env', [...assignments, file, ...args])).ended()
  return measured.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''))
}

function* compared(tries: Record<Way, number[]>): Generator<Figure> {
  const [bare, wake, knative] = ways.map((way) => median(tries[way]))
  if (bare === undefined || wake === undefined || knative === undefined) return
  const reference = `the bare way: ${bare.toFixed(0)} ms, medians of ${tries.bare.length}`
  yield {
    name: 'cluster.bare',
    value: bare,
    unit: 'ms',
    reference: 'PATCH, watch for the address, connect every 5 ms, GET',
  }
  yield { name: 'cluster.wake', value: wake, unit: 'ms', reference, ratio: wake / bare }
  yield { name: 'cluster.knative', value: knative, unit: 'ms', reference, ratio: knative / bare }
  yield { name: 'cluster.wake-over-bare', value: wake - bare, unit: 'ms', reference, goal: { atMost: 100 } }
  yield {
    name: 'cluster.overhead',
    value: (wake - bare) / (knative - bare),
    unit: 'ratio',
    reference: `of Knative's own over bare, ${(knative - bare).toFixed(0)} ms`,
    goal: { atMost: 0.25 },
  }
}
