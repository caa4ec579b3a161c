import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { HeaderBag } from '#shared/events/envelope.ts'

/** All headers of a request. Behind a socket they are Node's: @hono/node-server loads fetch to list its own, 30 ms of a function's start. */
export function headersOf({ env, req }: Context): HeaderBag {
  const bindings = env as Partial<HttpBindings> | undefined
  return bindings?.incoming?.headers ?? req.raw.headers
}
