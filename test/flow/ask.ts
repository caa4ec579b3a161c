// An API client: no browser, no cookies. It dials 127.0.0.1 itself, because not every resolver knows *.localhost.
import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType: string
  readonly seconds: number
}

export interface Asking {
  readonly method?: string
  readonly json?: unknown
  readonly accept?: string
}

export function ask(url: string, { method = 'GET', json, accept = '*/*' }: Asking = {}): Promise<Answer> {
  const { host, port, pathname, search } = new URL(url)
  const startedAt = performance.now()
  const headers = { host, accept, ...(json !== undefined && { 'content-type': 'application/json' }) }
  return new Promise((done, fail) => {
    const call = request({ host: '127.0.0.1', port, path: pathname + search, method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          body,
          contentType: response.headers['content-type'] ?? '',
          seconds: (performance.now() - startedAt) / 1000,
        }),
      )
    })
    call.once('error', fail)
    call.end(json === undefined ? undefined : JSON.stringify(json))
  })
}
