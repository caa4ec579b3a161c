// npm start -- --detach: the same world in a process of its own, which we watch until it is ready.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { relative } from 'node:path'
import { z } from 'zod'
import { type Layout, repository } from './layout.ts'

const message = z.union([z.object({ text: z.string() }), z.object({ ready: z.literal(true) })])

/** Exit code: 0 once the instances can be visited. */
export async function detach(args: readonly string[], layout: Layout): Promise<number> {
  mkdirSync(layout.state, { recursive: true })
  const output = openSync(layout.output, 'w', 0o600)
  const rest = args.filter((arg) => arg !== '--detach')
  const child = spawn(process.execPath, ['local/start.ts', ...rest], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  // Ctrl-C while it starts means: do not start.
  const onSignal = (): void => void child.kill('SIGTERM')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const code = await new Promise<number>((done) => {
    child.on('message', (raw) => {
      const heard = message.parse(raw)
      if ('text' in heard) process.stdout.write(heard.text)
      else done(0)
    })
    child.once('error', (error) => {
      console.error(error.message)
      done(1)
    })
    child.once('exit', (status) => {
      if (status === null)
        console.error(`It ended unexpectedly; its last words are in ${relative(process.cwd(), layout.output)}.`)
      done(status ?? 1)
    })
  })
  if (child.connected) child.disconnect()
  child.unref()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
  return code
}
