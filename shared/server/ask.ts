import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Asked {
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** Ends the answer too, not only the wait for it. */
  readonly signal: AbortSignal
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/**
 * One HTTP request and all of its answer, whatever its status; redirects are not followed. Rejects with what the socket says, or with the
 * reason of the signal. `fetch` would do the same, but at its first use Node loads undici for it: 50 ms of a function that has just been started.
 */
export async function ask(url: string, { method, headers, body, signal }: Asked): Promise<Answered> {
  const address = new URL(url)
  const send = address.protocol === 'https:' ? secureRequest : plainRequest
  const request = send(address, { method, headers: { ...headers }, signal })
  // what breaks the answer is told by the answer
  request.on('error', () => undefined).end(body)
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
