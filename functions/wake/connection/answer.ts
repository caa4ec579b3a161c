import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Piece } from './body.ts'
import type { ForwardFault } from './fault.ts'
import type { ResponseHead } from './response-head.ts'

const SMALL = 16 * 1024 // up to here a string is copied and written faster than a Buffer
const LINGER_MS = 2_000

/** Not sent yet: it leaves together with the first bytes of the body. */
export function answerHead(request: IncomingMessage, response: ServerResponse, head: ResponseHead): void {
  if (head.trailer !== undefined && head.body === 'chunked' && request.httpVersionMinor > 0) {
    head.headers.push('Trailer', head.trailer)
  }
  response.writeHead(head.status, head.reason, head.headers)
}

/** Takes pieces out of the bytes that all sockets share, for a client that may be slow. */
export function pieceTo(response: ServerResponse): Piece {
  return (bytes, from, to) => {
    if (to - from <= SMALL) response.write(bytes.toString('latin1', from, to), 'latin1')
    else response.write(Buffer.copyBytesFrom(bytes, from, to - from))
  }
}

/** 100, 103 and their kind are for clients that can take them: RFC 9110 §15.2. */
export function relayInformational(request: IncomingMessage, response: ServerResponse, head: ResponseHead): void {
  if (request.httpVersionMinor === 0 || response.socket === null) return
  if (head.status !== 100) response.writeInformation(head.status, head.headers)
  else if (request.headers.expect !== undefined) response.writeContinue()
}

export function endAnswer(
  response: ServerResponse,
  text: string | undefined,
  trailers: readonly string[] | undefined,
): void {
  if (trailers !== undefined && trailers.length > 0) response.addTrailers(pairs(trailers))
  if (text === undefined || text === '') response.end()
  else response.end(text, 'latin1')
}

/**
 * The answer came before the request was whole. Closing now would reset the connection under the client's hands and take the answer
 * with it, so what the client still sends is thrown away for a moment first: RFC 9112 §9.6.
 */
export function endLate(request: IncomingMessage, response: ServerResponse, text: string | undefined): void {
  if (text !== undefined && text !== '') response.write(text, 'latin1')
  else response.flushHeaders()
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS).unref()
  request.once('close', end)
}

/** What a client is told when nothing has been told yet. */
export function plainFault(response: ServerResponse, fault: ForwardFault): void {
  response.writeHead(fault.status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${fault.message}\n`)
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 1; i < flat.length; i += 2) result.push([flat[i - 1] ?? '', flat[i] ?? ''])
  return result
}
