// A Hono app behind a port of this machine, for as long as the world runs.
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'

export interface Listening {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

const HOST = '127.0.0.1'

/** The wanted port when it is free, else one that the system chooses. */
export async function listenOn(app: Hono, wanted: number): Promise<Listening> {
  return (await tryPort(app, wanted)) ?? (await tryPort(app, 0)) ?? Promise.reject(new Error('no port is free'))
}

function tryPort(app: Hono, wanted: number): Promise<Listening | undefined> {
  return new Promise((done, fail) => {
    const server = serve({ fetch: app.fetch, port: wanted, hostname: HOST }, ({ port }) => {
      const close = async (): Promise<void> => {
        const closed = new Promise((end) => server.close(end))
        // A publisher may wait for minutes; it learns from the cut that its event is not delivered.
        if ('closeAllConnections' in server) server.closeAllConnections()
        await closed
      }
      done({ host: HOST, port, close })
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(undefined)
      else fail(error)
    })
  })
}
