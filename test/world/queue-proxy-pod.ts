// Child process of queue-proxy.ts, alone in a network of its own: a function and Knative's queue-proxy side by side, as in
// a pod, because queue-proxy's ports are fixed. The world outside reaches them by sockets in the file system.
import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'

const plan = z
  .object({
    folder: z.string(),
    /** Sockets `{name}` lead to these ports. */
    ports: z.record(z.string(), z.number()),
    programs: z.record(z.string(), z.object({ command: z.array(z.string()), env: z.record(z.string(), z.string()) })),
  })
  .parse(JSON.parse(process.argv[2] ?? ''))

const running = new Map<string, ChildProcess>()
const order = z.object({ program: z.string(), order: z.enum(['start', 'SIGTERM']) })

for (const [name, port] of Object.entries(plan.ports)) {
  const relay = createServer((outside) => {
    const inside = connect(port, '127.0.0.1')
    outside.pipe(inside).pipe(outside)
    outside.on('error', () => inside.destroy())
    inside.on('error', () => outside.destroy())
  })
  relay.listen(join(plan.folder, name))
}

process.on('message', (message) => {
  const { program, order: what } = order.parse(message)
  if (what === 'SIGTERM') running.get(program)?.kill('SIGTERM')
  else start(program)
})
process.on('disconnect', () => {
  for (const child of running.values()) child.kill('SIGKILL')
  process.exit()
})
process.send?.({ event: 'ready' })

function start(program: string): void {
  const { command, env } = plan.programs[program] ?? { command: [], env: {} }
  const [path = '', ...args] = command
  const child = spawn(path, args, { env, stdio: 'ignore' })
  running.set(program, child)
  child.once('exit', (code, signal) => process.send?.({ event: 'ended', program, how: code ?? signal }))
}
