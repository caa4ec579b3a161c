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
// A bit for each length that one of them has: nearly all other headers are told apart without a look-up.
const LENGTHS = [...KINDS.keys()].reduce((bits, name) => bits | (1 << name.length), 0)
const X = 120

/** `name` in any case. WSGI servers read `_` as `-`, so a name that only differs in that is nobody's honest header. */
export function kindOf(name: string): Kind {
  if (!isLength(name.length) && (name.charCodeAt(0) | 0x20) !== X) return 'plain'
  const lower = name.toLowerCase()
  const kind = KINDS.get(lower)
  if (kind !== undefined) return kind
  const dashed = lower.includes('_') ? lower.replaceAll('_', '-') : lower
  if (dashed !== lower && KINDS.has(dashed)) return 'hop'
  return dashed.startsWith('x-forwarded-') ? 'spoof' : 'plain'
}

function isLength(length: number): boolean {
  return length < 32 && ((LENGTHS >> length) & 1) === 1
}

/** Names that a `Connection` header may not take out of a request: they frame it, address it, or tell where it came from. */
export function isProtected(lower: string): boolean {
  const kind = kindOf(lower)
  return kind !== 'plain' && kind !== 'hop'
}
