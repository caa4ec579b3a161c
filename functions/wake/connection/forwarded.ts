import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Who is at the other end of a client's connection, and whether its word about earlier hops counts. */
export interface Peer {
  readonly address: string
  readonly trusted: boolean
}

/** What earlier hops said, as it stood in the request. */
export interface Said {
  readonly for: string | undefined
  readonly proto: string | undefined
  readonly host: string | undefined
}

/**
 * `extend` adds the peer to X-Forwarded-For as every proxy does. `keep` leaves a trusted proxy's list as it is, for
 * applications that take the last entry for the client: Odoo's proxy mode does (werkzeug's ProxyFix with `x_for=1`), and with
 * `extend` would see the proxy in everybody's place, in its log and in what it locks out after wrong passwords.
 */
export type ForwardedFor = 'extend' | 'keep'

const MAPPED = '::ffff:'

/** Networks in CIDR notation → a function that knows a peer by its address. */
export function peers(networks: readonly string[]): (address: string | undefined) => Peer {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits = '128'] = network.split('/')
    list.addSubnet(address, Number(bits), familyOf(address))
  }
  return (address = '') => {
    const plain = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address
    return { address: plain, trusted: plain !== '' && list.check(plain, familyOf(plain)) }
  }
}

/** Of what is an address for sure: Node's own pattern for IPv6 takes 8 ms to compile. */
function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

/**
 * The client behind trusted proxies: the last address in their list that is none of theirs; where all are, the first.
 * Undefined when a trusted proxy does not say.
 */
export function clients(networks: readonly string[]): (request: IncomingMessage) => string | undefined {
  const peerAt = peers(networks)
  return ({ socket, headers }) => {
    const { address, trusted } = peerAt(socket.remoteAddress)
    if (!trusted) return address === '' ? undefined : address
    const said = headers['x-forwarded-for']?.toString() ?? ''
    const chain = said.split(',').flatMap((one) => (isIP(one.trim()) === 0 ? [] : [peerAt(one.trim())]))
    return (chain.findLast((one) => !one.trusted) ?? chain[0])?.address
  }
}

/** The three header lines the instance gets. A trusted peer's word is kept, anybody else's is replaced by what we see ourselves. */
export function forwardedLines(peer: Peer, said: Said, host: string, encrypted: boolean, rule: ForwardedFor): string {
  const proto = encrypted ? 'https' : 'http'
  if (!peer.trusted) return lines(peer.address, proto, host)
  const chain = said.for === undefined || said.for === '' ? peer.address : extended(said.for, peer.address, rule)
  return lines(chain, said.proto ?? proto, said.host ?? host)
}

function extended(chain: string, address: string, rule: ForwardedFor): string {
  return rule === 'keep' ? chain : `${chain}, ${address}`
}

function lines(chain: string, proto: string, host: string): string {
  return `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n`
}
