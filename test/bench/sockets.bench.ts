import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure, Kit } from './figure.ts'
import { nodeProxy } from './forward/proxies.ts'

export const about = '10,000 idle WebSockets through one replica'

const WANTED = 10_000

/** Each one is two open files of the replica. */
function affordable(): number {
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn']).toString())
  return Number.isNaN(limit) ? WANTED : Math.min(WANTED, Math.floor((limit - 200) / 2))
}

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const count = affordable()
  if (count < WANTED) kit.say(`this machine allows a process no more than ${count} of them`)
  const instance = await kit.node(new URL('forward/ws-upstream.ts', import.meta.url), 0)
  const { port } = instance.said as { port: number }
  const ours = await nodeProxy(kit, 'ours', port)
  await sleep(1_000)
  const before = ours.process.memory()
  kit.say(`opening ${count} WebSockets`)
  const clients = await kit.node(new URL('forward/ws-load.ts', import.meta.url), ours.port, count, 3)
  await sleep(2_000)
  const grown = ours.process.memory() - before
  const cpu = ours.process.cpu()
  const output = await clients.ended()
  const idleCpu = ours.process.cpu() - cpu
  const { p99, alive } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as { p99: number; alive: number }
  yield { name: 'sockets.alive', value: alive, unit: 'count', reference: `of ${count}`, goal: { atLeast: count } }
  yield {
    name: 'sockets.memory-each',
    value: grown / count / 1024,
    unit: 'KB',
    reference: 'both sides, resident',
    goal: { atMost: 20 },
  }
  yield { name: 'sockets.p99', value: p99, unit: 'ms', reference: 'a word and its echo, among all the silent ones' }
  yield {
    name: 'sockets.cpu',
    value: idleCpu,
    unit: 's',
    reference: 'for the seconds in which they were silent but for that',
  }
}
