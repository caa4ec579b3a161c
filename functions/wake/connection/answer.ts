import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Piece } from './body.ts'
import { giveBuffer } from './buffers.ts'
import { depart } from './departures.ts'
import type { ForwardFault } from './fault.ts'
import { defaultLimits } from './limits.ts'
import { fieldsOf, type ResponseHead } from './response-head.ts'
import type { Wire } from './wire.ts'

const SMALL = 16 * 1024 // up to here a string is copied and written faster than a Buffer
const LINGER_MS = 2_000

/** Not sent yet: it leaves together with the first bytes of the body. */
export function answerHead(request: IncomingMessage, response: ServerResponse, head: ResponseHead): void {
  if (isPassable(request, response, head)) {
    response.statusCode = head.status
    setHeader(response, head.text)
    return
  }
  const fields = fieldsOf(head)
  if (head.trailer !== undefined && head.body === 'chunked' && request.httpVersionMinor > 0) {
    fields.push('Trailer', head.trailer)
  }
  response.writeHead(head.status, head.reason, fields)
}

/** Head and body in one string, where nothing about them has to change: most answers. False: it is not such a one. */
export function answerWhole(
  request: IncomingMessage,
  response: ServerResponse,
  head: ResponseHead,
  text: string,
  tailMs: number,
): boolean {
  if (!isPassable(request, response, head)) return false
  writeAll(response, head.status, text, tailMs)
  return true
}

/**
 * A whole answer that we have put together ourselves, from status line to the last byte of its body (latin1: one character per byte), in one
 * write. False: this client or connection needs another one, and nothing was written.
 */
export function answerText(request: IncomingMessage, response: ServerResponse, status: number, text: string): boolean {
  if (request.method === 'HEAD' || !isPlain(request, response)) return false
  writeAll(response, status, text, defaultLimits.idleMs)
  return true
}

/** Whether the head may reach the client as it came: same framing, both connections stay, nobody added a header. */
function isPassable(request: IncomingMessage, response: ServerResponse, head: ResponseHead): boolean {
  return head.passable && (typeof head.body === 'number' || head.body === 'none') && isPlain(request, response)
}

/** The connection stays, and nobody added a header. */
function isPlain(request: IncomingMessage, response: ServerResponse): boolean {
  return request.httpVersionMinor === 1 && response.shouldKeepAlive && response.getHeaderNames().length === 0
}

function writeAll(response: ServerResponse, status: number, text: string, tailMs: number): void {
  response.statusCode = status
  setHeader(response, text)
  depart(() => {
    response.end()
    limitTail(response, tailMs)
  })
}

/** The tail of an answer that the client has not taken yet is the client's affair, but not for ever. */
export function limitTail(response: ServerResponse, ms: number): void {
  if (response.writableLength > 0) response.setTimeout(ms)
}

/**
 * What `writeHead` would compute from a list of headers, at a twentieth of a request's whole cost, has been checked already by our own
 * parser. `_header` is where Node keeps the text of a head until it is sent; forward.test.ts would notice if that changed.
 */
function setHeader(response: ServerResponse, text: string): void {
  ;(response as ServerResponse & { _header: string })._header = text
}

/** Hands pieces to the client as they are read: small ones as strings, large ones without a copy where the wire can spare them. */
export function pieceTo(response: ServerResponse, wire: Wire): Piece {
  return (bytes, from, to) => {
    // Node would wait for the next tick, and then for a "drain" that is already true.
    response.cork()
    if (to - from <= SMALL) response.write(bytes.toString('latin1', from, to), 'latin1')
    else if (wire.handOver(bytes)) response.write(bytes.subarray(from, to), () => giveBuffer(bytes))
    else response.write(Buffer.copyBytesFrom(bytes, from, to - from))
    response.uncork()
  }
}

/** 100, 103 and their kind are for clients that can take them: RFC 9110 §15.2. */
export function relayInformational(request: IncomingMessage, response: ServerResponse, head: ResponseHead): void {
  if (request.httpVersionMinor === 0 || response.socket === null) return
  if (head.status !== 100) response.writeInformation(head.status, fieldsOf(head))
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
