// A function as main.ts would start it, for tests that need a process of its own.
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { z } from 'zod'
import { flag } from '#shared/server/env.ts'
import { runFunction } from '#shared/server/run.ts'

runFunction({
  name: 'fixture',
  env: { PGPASSWORD: z.string(), SLOW_MS: z.coerce.number().int(), HANGS: flag.default(false) },
  app: ({ env, log, onStop, signal }) => {
    onStop(() => log.info({ aborted: signal.aborted }, 'closed what was opened first'))
    onStop(() => log.info({}, 'closed what was opened last'))
    if (env.HANGS) onStop(() => sleep(60_000))
    return new Hono()
      .get('/fast', (context) => context.text('fast'))
      .get('/slow', async (context) => {
        await sleep(env.SLOW_MS)
        return context.text('slow')
      })
      .get('/stream', () => new Response(stream(env.SLOW_MS)))
  },
})

/** Ten pieces spread over `ms`. */
function stream(ms: number): ReadableStream<Uint8Array> {
  let pieces = 0
  return new ReadableStream({
    async pull(controller) {
      await sleep(ms / 10)
      controller.enqueue(new TextEncoder().encode('piece'))
      if (++pieces === 10) controller.close()
    },
  })
}
