// The span of one request at the door, and how the instance is told of it. Only called when something is traced.
import type { IncomingMessage } from 'node:http'
import { currentTraceparent, withSpan } from '#shared/server/telemetry.ts'
import type { Entry } from './instance/entry.ts'
import type { Front, Visit } from './front.ts'
import { attend } from './visit.ts'

export async function attendTraced(entry: Entry, visit: Visit, front: Front): Promise<void> {
  const { request, kind, host } = visit
  const attributes = {
    'http.request.method': request.method ?? 'GET',
    // Without the query: it may hold the token of a password reset or of a shared link.
    'url.path': visit.target.split('?', 1)[0] ?? '/',
    'server.address': host,
    'platxa.instance': entry.facts.name,
    'platxa.request.kind': kind,
  }
  const from = request.headers['traceparent']?.toString()
  await withSpan(`wake: ${kind}`, attributes, from, async (span) => {
    handOn(request, from, currentTraceparent())
    span.setAttribute('platxa.request.outcome', await attend(visit, front))
  })
}

/** Our span takes the place of the one above it: what the forwarder sends is what `rawHeaders` says. */
function handOn(request: IncomingMessage, from: string | undefined, ours: string | undefined): void {
  if (ours === undefined) return
  const sameTrace = from !== undefined && traceIdOf(from) === traceIdOf(ours)
  const headers: string[] = []
  for (let i = 1; i < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i - 1, i + 1)
    const lower = name.toLowerCase()
    // W3C Trace Context §3.3: whoever does not go on with a trace drops its state.
    if (lower !== 'traceparent' && (lower !== 'tracestate' || sameTrace)) headers.push(name, value)
  }
  request.rawHeaders = [...headers, 'traceparent', ours]
}

function traceIdOf(traceparent: string): string | undefined {
  return traceparent.split('-')[1]
}
