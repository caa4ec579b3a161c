import { Hono } from 'hono'
import { parseEvent } from '#shared/events/envelope.ts'
import { headersOf } from '#shared/events/request-headers.ts'
import { obituaryOf } from './decide.ts'
import { bury, type Deps } from './effects.ts'

/** How long one letter may take to bury; the API server is the only thing waited for. */
const deadlineMs = 10_000

/** The last stop: whatever arrives is answered 204, because there is nobody left to send it to. */
export function route(deps: Deps): Hono {
  return new Hono().post('/', async (context) => {
    const { raw } = context.req
    try {
      // not `bytes()`: the request that @hono/node-server gives does not have it
      const event = parseEvent(headersOf(context), new Uint8Array(await raw.arrayBuffer()))
      await bury(obituaryOf(event), deps, AbortSignal.any([raw.signal, AbortSignal.timeout(deadlineMs)]))
    } catch (error) {
      deps.log.error({ error: String(error) }, 'dead letter that is no event')
      deps.count('other', 'none')
    }
    return context.body(null, 204)
  })
}
