/** What a request header means to a proxy. `plain` is everything that is none of our business. */
export type Kind =
  | 'plain'
  | 'hop' // ends here: RFC 9110 §7.6.1
  | 'spoof' // only we, or a trusted proxy, may say it
  | 'host'
  | 'connection'
  | 'length'
  | 'coding'
  | 'te'
  | 'for'
  | 'proto'
  | 'forwarded-host'

const KINDS = new Map<string, Kind>([
  ['connection', 'connection'],
  ['keep-alive', 'hop'],
  ['proxy-connection', 'hop'],
  ['proxy-authenticate', 'hop'],
  ['proxy-authorization', 'hop'],
  ['upgrade', 'hop'],
  ['http2-settings', 'hop'],
  ['te', 'te'],
  ['host', 'host'],
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['x-forwarded-for', 'for'],
  ['x-forwarded-proto', 'proto'],
  ['x-forwarded-host', 'forwarded-host'],
  ['forwarded', 'spoof'],
  ['x-real-ip', 'spoof'],
  ['x-odoo-dbfilter', 'spoof'],
])
// By first letter, a bit for each length that one of them has: nearly every other header is told apart by its first letter.
const LENGTHS = new Int32Array(128)
for (const name of KINDS.keys()) LENGTHS[name.charCodeAt(0)] = (LENGTHS[name.charCodeAt(0)] ?? 0) | (1 << name.length)
const X = 120

/** `name` in any case. WSGI servers read `_` as `-`, so a name that only differs in that is nobody's honest header. */
export function kindOf(name: string): Kind {
  const first = name.charCodeAt(0) | 0x20
  if (first !== X && (name.length > 31 || (((LENGTHS[first] ?? 0) >> name.length) & 1) === 0)) return 'plain'
  const lower = name.toLowerCase()
  const kind = KINDS.get(lower)
  if (kind !== undefined) return kind
  const dashed = lower.includes('_') ? lower.replaceAll('_', '-') : lower
  if (dashed !== lower && KINDS.has(dashed)) return 'hop'
  return dashed.startsWith('x-forwarded-') ? 'spoof' : 'plain'
}

/** Names that a `Connection` header may not take out of a request: they frame it, address it, or tell where it came from. */
export function isProtected(lower: string): boolean {
  const kind = kindOf(lower)
  return kind !== 'plain' && kind !== 'hop'
}
