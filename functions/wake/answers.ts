// What wake itself says to a client, other than the pages: truthful, small, and in the media type the client speaks.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pathOf } from './classes/classify.ts'
import { readSmallBody } from './tabs/small-body.ts'

export interface Said {
  readonly status: number
  readonly type: string
  readonly body: string
  /** Seconds, for answers that mean "later". */
  readonly retryAfter?: number
}

const text = 'text/plain; charset=utf-8'
const json = 'application/json'

export function say(response: ServerResponse, said: Said, extra: Readonly<Record<string, string>> = {}): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(said.status, {
    ...extra,
    ...(said.retryAfter === undefined ? {} : { 'Retry-After': String(said.retryAfter) }),
    'Content-Type': said.type,
    'Content-Length': Buffer.byteLength(said.body),
    'Cache-Control': 'no-store',
    'X-Robots-Tag': 'noindex',
  })
  response.end(said.body)
}

export interface Sleeper {
  /** Whether its last wake failed: a health check must not call that healthy. */
  readonly failed: boolean
  /** JSON: what it says of its version. */
  readonly versionInfo: string
  readonly retryAfter: number
}

const sleeping = { 'Platxa-Instance': 'asleep' }

/** Questions about a sleeper that can be answered without it. */
const questions = ['missed notifications', 'version info', 'health', 'monitor', 'icon', 'robots'] as const
export type Question = (typeof questions)[number]

export function isQuestion(kind: string): kind is Question {
  return questions.some((question) => question === kind)
}

/** The truth, without waking anybody. */
export async function answerFor(
  question: Question,
  request: IncomingMessage,
  response: ServerResponse,
  sleeper: Sleeper,
): Promise<void> {
  switch (question) {
    case 'missed notifications':
      // Nobody wrote anything while it slept, so nothing was missed.
      return say(response, rpcResult(await rpcId(request), 'false'), sleeping)
    case 'version info':
      return say(response, rpcResult(await rpcId(request), sleeper.versionInfo), sleeping)
    case 'health':
    case 'monitor':
      return say(response, healthOf(sleeper), sleeper.failed ? {} : sleeping)
    case 'icon':
      return say(response, { status: 204, type: text, body: '' }, sleeping)
    case 'robots':
      // A made-up "Disallow" would take the instance's website out of search engines; 503 means "ask again later".
      return say(response, later(3600, 'asleep'), sleeping)
  }
}

function healthOf({ failed, retryAfter }: Sleeper): Said {
  if (failed) return { status: 503, type: json, body: '{"status":"fail"}\n', retryAfter }
  return { status: 200, type: json, body: '{"status":"asleep"}\n' }
}

export function later(retryAfter: number, why: string): Said {
  return { status: 503, type: text, body: `${why}\n`, retryAfter }
}

/** A refusal as the client's own protocol says it; the body of the request has not been read, so its id is unknown. */
export function refusal(request: IncomingMessage, status: number, message: string, retryAfter?: number): Said {
  const again = retryAfter === undefined ? {} : { retryAfter }
  switch (protocolOf(request)) {
    case 'json-rpc':
      return { status, type: json, body: rpcError(status, message), ...again }
    case 'json':
      return { status, type: json, body: `${JSON.stringify({ name: 'platxa.unavailable', message })}\n`, ...again }
    case 'xml-rpc':
      return { status, type: 'text/xml; charset=utf-8', body: xmlFault(status, message), ...again }
    case 'other':
      return { status, type: text, body: `${message}\n`, ...again }
  }
}

function protocolOf({ url = '/', headers }: IncomingMessage): 'json-rpc' | 'json' | 'xml-rpc' | 'other' {
  const path = pathOf(url)
  if (path === '/jsonrpc' || path.startsWith('/web/dataset/')) return 'json-rpc'
  if (path.startsWith('/json/')) return 'json'
  if (path.startsWith('/xmlrpc/')) return 'xml-rpc'
  return headers['content-type']?.startsWith(json) ? 'json-rpc' : 'other'
}

export function rpcResult(id: string, result: string): Said {
  return { status: 200, type: json, body: `{"jsonrpc":"2.0","id":${id},"result":${result}}` }
}

/** JSON-RPC 2.0 §5.1; `data` is where Odoo's clients look for words to show. */
function rpcError(code: number, message: string): string {
  const data = { name: 'platxa.unavailable', message, arguments: [message], context: {} }
  return `${JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message, data } })}\n`
}

function xmlFault(code: number, message: string): string {
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<?xml version="1.0"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>${code}</int></value></member><member><name>faultString</name><value><string>${escaped}</string></value></member></struct></value></fault></methodResponse>\n`
}

/** The id of a call, as JSON, to be given back with the answer; `null` when it cannot be found. */
async function rpcId(request: IncomingMessage): Promise<string> {
  try {
    const parsed: unknown = JSON.parse(await readSmallBody(request))
    const id = typeof parsed === 'object' && parsed !== null && 'id' in parsed ? parsed.id : null
    return typeof id === 'number' || typeof id === 'string' ? JSON.stringify(id) : 'null'
  } catch {
    return 'null'
  }
}
