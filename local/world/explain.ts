// What a person is told when the world does not come up: the thing, and what to do about it.
import { relative } from 'node:path'
import type { Layout } from './layout.ts'
import type { Options } from './options.ts'
import { portHolder } from './port-holder.ts'
import { readWorld } from './running.ts'

/** Faults that say everything themselves; of any other one the stack is what helps. */
const CLEAR = new Set([
  'AlreadyRuns',
  'NoControlPlane',
  'NotReady',
  'NotProvisioned',
  'OdooFailed',
  'BadTemplate',
  'NoOdoo',
  'OtherOdoo',
  'ManifestError',
  'ComponentFailed',
  'PostgresStartError',
  'AddressError',
  'StateInUse',
])

export async function explain(error: unknown, { port }: Options, layout: Layout): Promise<string> {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'AlreadyRuns') {
    const console = (await readWorld(layout))?.console
    return `The local world ${error.message}${console ? `: ${console}` : ' and is starting'}. \`npm stop\` ends it.`
  }
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error && error.port === port) return portTaken(port)
  if (CLEAR.has(error.name)) return error.message
  return `${error.stack ?? error.message}\nMore may stand in ${relative(process.cwd(), layout.log)}.`
}

async function portTaken(port: number): Promise<string> {
  const holder = await portHolder(port)
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (${holder.command.slice(0, 120)})`
  return `Port ${port} is taken by ${who}. End it, or take another port: npm start -- --port ${port + 1}`
}
