// Outside of the namespaces: obtains what the cluster is made of, then runs vitest, or a standing cluster, inside.
import { join } from 'node:path'

import { lacks } from '#local/cluster/machine.ts'
import { inNamespaces } from '#local/cluster/namespaces.ts'
import { tryNode } from '#local/cluster/trial.ts'
import { createProgress } from '#local/world/progress.ts'
import { aptInstall } from '#test/apt.ts'
import { type Counts, runToEnd, vitest } from '#test/vitest.ts'

import { makeClusterFolder } from './folder.ts'
import { prepare } from './prepare.ts'

/** Longer than everything takes on a slow machine: a run that hangs must still end with its line. */
const LIMIT_MS = 25 * 60_000

/** Counts one skipped test, which says why, where a node cannot run at all. */
export async function testCluster(args: readonly string[]): Promise<Counts> {
  const fault = await faultOfMachine()
  if (fault !== undefined) {
    console.log(`The tests on a real cluster are skipped: ${fault}`)
    return { passed: 0, failed: 0, skipped: 1 }
  }
  const folder = await makeClusterFolder()
  try {
    await prepare(folder.path)
    const run = ['--project', 'cluster', ...args]
    // `unshare` heeds no other signal; with it everything inside is gone
    const ending = { end: 'SIGKILL', limit: AbortSignal.timeout(LIMIT_MS) } as const
    return await vitest(run, (command) => inNamespaces(command, folder.path), ending)
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    await folder.remove()
  }
}

/** Until Ctrl-C; the exit code. */
export async function standUp(): Promise<number> {
  const fault = await faultOfMachine()
  if (fault !== undefined) {
    console.error(`A real cluster cannot run here: ${fault}`)
    return 1
  }
  const folder = await makeClusterFolder()
  try {
    await prepare(folder.path)
    const command = inNamespaces([process.execPath, join(import.meta.dirname, 'up.ts')], folder.path)
    return await runToEnd(command, { end: 'SIGKILL' })
  } finally {
    await folder.remove()
  }
}

/** Installs what is missing where that is nobody's own machine, else says what to install. */
export async function faultOfMachine(): Promise<string | undefined> {
  const { reasons, packages } = await lacks(process.env)
  if (reasons.length > 0) return reasons.join('; ')
  const fault = packages.length === 0 ? undefined : await faultOfPackages(packages)
  if (fault !== undefined) return fault
  const folder = await makeClusterFolder()
  try {
    return await tryNode(folder.path, process.pid)
  } finally {
    await folder.remove()
  }
}

async function faultOfPackages(packages: readonly string[]): Promise<string | undefined> {
  const command = `apt-get install ${packages.join(' ')}`
  if (!process.env['CI']) return `${packages.join(', ')} missing: ${command}`
  try {
    const progress = createProgress(process.stderr)
    for (const name of packages) await progress.step(command, () => aptInstall(name))
    return undefined
  } catch (error) {
    return `${command}: ${error instanceof Error ? error.message : String(error)}`
  }
}
