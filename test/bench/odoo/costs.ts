// What one real Odoo costs, awake and asleep, and how many of them this machine would hold.
import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import type { Instance } from '#test/flow/real/instance.ts'
import type { LocalWorld } from '#test/flow/local-world.ts'
import type { Figure } from '../figure.ts'
import { memoryOf } from '../memory.ts'

const GIBIBYTE = 1024 ** 3
/** Of memory and of free disk; the rest is everything else's. */
const FOR_INSTANCES = 0.7

export async function* costs(world: LocalWorld, demo: Instance): AsyncGenerator<Figure> {
  await demo.call('res.partner', 'search_count', [[]])
  const [pod] = await demo.pods()
  const pss = memoryOfPod(pod?.status?.podIP ?? 'none')
  yield { name: 'odoo.memory', value: pss / 1e6, unit: 'MB', reference: 'PSS of Odoo and its pooler, workers = 0' }
  const pids = await demo.sql<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE usename = $1', [demo.database])
  const sessions = pids.reduce((sum, { pid }) => sum + memoryOf(pid).proportional, 0)
  yield {
    name: 'odoo.memory.postgres',
    value: sessions / 1e6,
    unit: 'MB',
    reference: `PSS of the ${pids.length} processes of PostgreSQL that serve it`,
  }
  const [size] = await demo.sql<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes')
  yield {
    name: 'odoo.asleep-disk',
    value: Number(size?.bytes) / 1e6,
    unit: 'MB',
    reference: 'its database; no process',
  }
  yield {
    name: 'odoo.awake-at-once',
    value: Math.floor((totalmem() * FOR_INSTANCES) / (pss + sessions)),
    unit: 'count',
    reference: `by memory: ${FOR_INSTANCES} of ${(totalmem() / GIBIBYTE).toFixed(0)} GiB, Odoo and PostgreSQL`,
  }
  const { bavail, bsize } = await statfs(world.folder)
  yield {
    name: 'odoo.asleep-at-once',
    value: Math.floor((bavail * bsize * FOR_INSTANCES) / Number(size?.bytes)),
    unit: 'count',
    reference: `by disk: ${FOR_INSTANCES} of ${((bavail * bsize) / GIBIBYTE).toFixed(0)} GiB; their objects are bench sleepers`,
  }
}

/** Proportional set size of the processes of this pod, in bytes. */
function memoryOfPod(podIP: string): number {
  let bytes = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`POD_IP=${podIP}`))
        bytes += memoryOf(pid).proportional
    } catch {
      // It has ended meanwhile.
    }
  }
  return bytes
}
