// `/standin/…`: what a test of ours needs to see and Odoo has no page for.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { Hono } from 'hono'

const LONGEST_SECONDS = 600

export function testRoutes(): Hono {
  const routes = new Hono()
  /** A request that takes its time, with any method: `?seconds=5`. */
  routes.all('/slow', async (c) => {
    const seconds = Math.min(Number(c.req.query('seconds') ?? '1') || 0, LONGEST_SECONDS)
    await sleep(seconds * 1000)
    return c.text(`took ${seconds} s\n`)
  })
  /** What arrived: method, path with query, headers, and of the body its length and SHA-256. */
  routes.all('/echo', async (c) => {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of c.req.raw.body ?? []) {
      hash.update(chunk)
      bytes += chunk.length
    }
    const { pathname, search } = new URL(c.req.url)
    return c.json({
      method: c.req.method,
      path: pathname + search,
      headers: c.req.header(),
      bytes,
      sha256: hash.digest('hex'),
    })
  })
  return routes
}
