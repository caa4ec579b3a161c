// An instance that comes up at an address, and those who wait for it: a bare loop, and requests through wake.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const httpPort = 8069
/** Where the bare loop dials from, so that it can be told from wake. */
const bareAddress = '127.0.0.3'

export interface Odoo {
  /** When it could answer, and what of wake came when; milliseconds of one clock. */
  readonly canAnswerAt: number
  readonly firstAcceptAt: number
  readonly firstRequestAt: number
  stop(): Promise<void>
}

/** Listens at once, and answers after `loadMs`, as an Odoo does that loads its registry. */
export async function bootOdoo(ip: string, loadMs: number): Promise<Odoo> {
  const seen = { canAnswerAt: Infinity, firstAcceptAt: Infinity, firstRequestAt: Infinity }
  let loaded = loadMs === 0
  const load = async (): Promise<void> => {
    await sleep(loadMs)
    loaded = true
    if (loadMs > 0) seen.canAnswerAt = performance.now()
  }
  const loading = load()
  const server = createServer((incoming, response) => {
    const isHeld = incoming.url !== '/web/health' && incoming.socket.remoteAddress !== bareAddress
    if (isHeld) seen.firstRequestAt = Math.min(seen.firstRequestAt, performance.now())
    if (loaded) response.end('answer')
    else void loading.then(() => response.end('answer'))
  })
  server.on('connection', ({ remoteAddress }) => {
    if (remoteAddress !== bareAddress) seen.firstAcceptAt = Math.min(seen.firstAcceptAt, performance.now())
  })
  server.listen(httpPort, ip)
  await once(server, 'listening')
  if (loadMs === 0) seen.canAnswerAt = performance.now()
  return Object.assign(seen, {
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

/** When the first byte of an answer was there for somebody who dials every 5 ms. */
export async function bareLoop(ip: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const at = await firstByte({ host: ip, port: httpPort, localAddress: bareAddress, path: '/bare' }).catch(
      () => undefined,
    )
    if (at !== undefined) return at
    await sleep(5, undefined, { signal })
  }
}

/** A call that can only be held; resolves with the moment its answer began. */
export function heldCall(port: number, instance: string): Promise<number> {
  const headers = { host: `${instance}.localhost`, 'content-type': 'application/json', 'sec-fetch-mode': 'cors' }
  return firstByte({ host: '127.0.0.1', port, path: '/web/dataset/call_kw', method: 'POST', headers }, '{}')
}

function firstByte(options: object, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, agent: false }, (response) => {
      const at = performance.now()
      response.resume().on('error', reject)
      if (response.statusCode === 200) resolve(at)
      else reject(new Error(`answered ${response.statusCode}`))
    })
    asked.on('error', reject).end(body)
  })
}
