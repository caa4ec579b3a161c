// The address that publishers know: POST /{namespace}/{broker}.
import { Hono } from 'hono'
import type { Broker } from './broker.ts'
import { type BrokerEvent, InvalidEvent, readEvent } from './event.ts'

export function ingress(broker: Broker): Hono {
  const app = new Hono({ strict: false })
  app.use(async (c, next) => {
    c.header('allow', 'POST, OPTIONS')
    await next()
  })
  app.options('*', (c) => {
    c.header('webhook-allowed-origin', '*')
    c.header('webhook-allowed-rate', '*')
    return c.body(null, 200)
  })
  app.post('/', (c) => c.body(null, 404))
  app.post('/:namespace/:name', async (c) => {
    let event: BrokerEvent
    try {
      event = readEvent(c.req.raw.headers, new Uint8Array(await c.req.arrayBuffer()))
    } catch (error) {
      if (error instanceof InvalidEvent) return c.text(`${error.message}\n`, 400)
      throw error
    }
    const { namespace, name } = c.req.param()
    // A publisher that hangs up takes its deliveries with it, as with the real one.
    const status = await broker.publish(event, { namespace, name }, { signal: c.req.raw.signal })
    return c.body(null, status as 202)
  })
  app.post('*', (c) => c.body(null, 400))
  app.all('*', (c) => c.body(null, 405))
  return app
}
