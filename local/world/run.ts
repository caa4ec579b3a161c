// The world in the foreground: comes up, says where everything is, waits to be told to end, ends in order.
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createLog } from '#shared/server/log.ts'
import { explain } from './explain.ts'
import type { Layout } from './layout.ts'
import type { Options } from './options.ts'
import { summary } from './print.ts'
import { createProgress } from './progress.ts'
import { claim, publishWorld } from './running.ts'
import { startWorld } from './world.ts'

/** npm passes a Ctrl-C on that the terminal has sent already: within this time it counts once. */
const SAME_CTRL_C_MS = 2000

/** Exit code. */
export async function run(options: Options, layout: Layout): Promise<number> {
  const parent = process.send?.bind(process)
  const progress = createProgress({ isTTY: process.stdout.isTTY, columns: process.stdout.columns, write: say })
  const ending = endings(say)
  let release: (() => Promise<void>) | undefined
  try {
    release = await claim(layout)
    if (options.fresh) await forget(layout)
    await mkdir(layout.state, { recursive: true })
    const file = createWriteStream(layout.log, { flags: 'a', mode: 0o600 })
    const log = createLog('world', { write: (line) => void file.write(line) })
    const { signal } = ending
    const world = await startWorld({ options, layout, progress, log, signal, onDeath: ending.die })
    ending.started()
    await publishWorld(layout, world.file)
    // Counted from the start of this process.
    const seconds = performance.now() / 1000
    const detached = parent !== undefined
    const { idleTimeout, odoo } = options
    say(summary({ world: world.file, idleTimeout, odoo, seconds, missing: world.missing, detached }))
    parent?.({ ready: true })
    await ending.asked
    await progress.step('stopping', () => world.stop())
    return ending.fault === undefined ? 0 : await failed(ending.fault)
  } catch (error) {
    return ending.signal.aborted && ending.fault === undefined ? 130 : await failed(ending.fault ?? error)
  } finally {
    await release?.()
  }

  async function failed(error: unknown): Promise<number> {
    say(`\n${await explain(error, options, layout)}\n`)
    return 1
  }
}

/** To our own output, and to whoever detached us. */
function say(text: string): void {
  process.stdout.write(text)
  if (process.connected) process.send?.({ text })
}

/** Removes what earlier starts made, not what took long to obtain. */
async function forget(layout: Layout): Promise<void> {
  for (const path of [layout.controlPlane, layout.postgres, layout.node, layout.log]) {
    await rm(path, { recursive: true, force: true })
  }
}

function endings(tell: (text: string) => void) {
  const controller = new AbortController()
  const asked = Promise.withResolvers<void>()
  let first = 0
  let starting = true
  const state = {
    /** Aborted only while it starts: what runs is ended in order instead. */
    signal: controller.signal,
    asked: asked.promise,
    started: (): void => void (starting = false),
    fault: undefined as Error | undefined,
    die: (error: Error): void => {
      state.fault ??= error
      asked.resolve()
      if (starting) controller.abort(error)
    },
  }
  const onSignal = (): void => {
    if (first === 0) {
      first = performance.now()
      tell('\n')
      asked.resolve()
      if (starting) controller.abort(new Error('stopped'))
    } else if (performance.now() - first > SAME_CTRL_C_MS) {
      tell('stopping at once\n')
      process.exit(1)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  return state
}
