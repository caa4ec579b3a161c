// Clients as they come to the door.
import { request, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly port: number
  /** Address of the replica; 127.0.0.1. */
  readonly address?: string
  readonly host: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export function ask({
  port,
  address = '127.0.0.1',
  host,
  method = 'GET',
  path = '/',
  headers = {},
  body,
  signal,
}: Ask): Promise<Got> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const asked = request({
      host: address,
      port,
      method,
      path,
      agent: false,
      headers: { host, ...length, ...headers },
      ...(signal && { signal }),
    })
    asked.on('error', reject)
    asked.on('response', (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (piece: string) => (text += piece))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    if (headers['expect'] === undefined) asked.end(body)
    else asked.on('continue', () => asked.end(body)).flushHeaders()
  })
}

export const browser = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'user-agent': 'Mozilla/5.0 (X11; Linux x64) Chrome/140.0',
  'accept-language': 'en',
}

export const click = {
  accept: '*/*',
  'content-type': 'application/json',
  'sec-fetch-mode': 'cors',
}

/** A click or a client's call: whatever is asked by POST is held while the instance sleeps. */
export function callOf({ port }: { readonly port: number }, { host }: { readonly host: string }): Ask {
  return { port, host, method: 'POST', path: '/web/dataset/call_kw', headers: click, body: '{}' }
}

/** What a test lets go on when it has seen enough, however long that took. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  onTestFinished(() => resolve())
  return { opened: promise, open: resolve }
}

export async function until(what: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const from = performance.now()
  while (!(await what())) {
    if (performance.now() - from > limitMs) throw new Error(`did not happen within ${limitMs} ms: ${what.toString()}`)
    await sleep(20)
  }
}
