// npm stop: ends the world that `npm start` left running, and returns when nothing of it is left.
import { createProgress } from './world/progress.ts'
import { layoutOf } from './world/layout.ts'
import { endLeftovers, runner, untilGone } from './world/running.ts'

/** Instances end in seconds, PostgreSQL's last checkpoint and a busy Odoo may take longer. */
const LIMIT_MS = 90_000

const layout = layoutOf(process.env)
const running = await runner(layout)
if (running === undefined) {
  const ended = await endLeftovers(layout)
  console.log(ended.length === 0 ? 'Nothing runs.' : `It was killed; ended what it left behind: ${ended.join(', ')}.`)
} else {
  process.kill(running.pid, 'SIGTERM')
  const progress = createProgress(process.stdout)
  const gone = await progress.step('stopping', () => untilGone(running, LIMIT_MS))
  if (gone) console.log('Stopped.')
  else console.error(`Process ${running.pid} does not end; \`kill -9 ${running.pid}\` ends it and what it started.`)
  process.exitCode = gone ? 0 : 1
}
