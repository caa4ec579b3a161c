// What an instance says of itself at `/web/webclient/version_info`, asked after a wake, so that an open tab that
// asks while the instance sleeps hears the same words.
import { request } from 'node:http'
import { z } from 'zod'

const rpcAnswer = z.object({ result: z.record(z.string(), z.unknown()) })
const mostBytes = 4096
const limitMs = 10_000

export interface Asking {
  readonly ip: string
  readonly port: number
  readonly host: string
}

/** The `result` as JSON; undefined when the instance does not say, which is no fault. */
export async function askVersionInfo({ ip, port, host }: Asking, signal: AbortSignal): Promise<string | undefined> {
  try {
    const text = await post({ ip, port, host }, AbortSignal.any([signal, AbortSignal.timeout(limitMs)]))
    const { data } = rpcAnswer.safeParse(JSON.parse(text))
    return data && JSON.stringify(data.result)
  } catch {
    return undefined
  }
}

function post({ ip, port, host }: Asking, signal: AbortSignal): Promise<string> {
  const body = '{"jsonrpc":"2.0","method":"call","id":1,"params":{}}'
  const headers = { host, 'content-type': 'application/json', 'content-length': body.length, connection: 'close' }
  return new Promise((resolve, reject) => {
    const asked = request({
      host: ip,
      port,
      path: '/web/webclient/version_info',
      method: 'POST',
      agent: false,
      headers,
      signal,
    })
    asked.on('error', reject)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (text.length > mostBytes) response.destroy(new Error('too long for a version'))
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    })
    asked.end(body)
  })
}

/** The same words for an instance that has not been heard yet: what every Odoo of its series says. */
export function versionInfoOf(odooVersion: string | undefined): string {
  const series = Number(odooVersion ?? 19)
  return JSON.stringify({
    server_version: `${series}.0`,
    server_version_info: [series, 0, 0, 'final', 0, ''],
    server_serie: `${series}.0`,
    protocol_version: 1,
  })
}
