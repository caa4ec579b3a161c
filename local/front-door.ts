// localhost:8080, in place of Traefik: looks at the first request's Host and then only passes bytes. `localhost` is the
// console; every other host is an instance's, and goes to a ready wake replica. Adds no header and changes none.
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface FrontDoorOptions {
  readonly port: number
  readonly console: () => Address | undefined
  /** Ready wake replicas, as they are now. */
  readonly replicas: () => readonly Address[]
  /** Time for the head of the first request; 10 s unless told. */
  readonly headTimeoutMs?: number
}

export interface FrontDoor {
  readonly port: number
  /** Nobody is let in any more, and who is in is put out. May be called twice. */
  close(): Promise<void>
}

const HEAD_LIMIT_BYTES = 64 * 1024
const CONSOLE_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]', ''])
/** Browsers take ::1 or 127.0.0.1 for localhost, as they like. A machine without IPv6 has only the first. */
const LISTEN_ON = ['127.0.0.1', '::1']

/** Rejects with the system's EADDRINUSE when the port is taken on either address. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const open = new Set<Socket>()
  let turn = 0
  const route = (host: string): readonly Address[] => {
    if (!CONSOLE_HOSTS.has(host)) return rotated(options.replicas(), (turn += 1))
    const address = options.console()
    return address === undefined ? [] : [address]
  }
  const servers: Server[] = []
  let { port } = options
  for (const host of LISTEN_ON) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      greet(socket, route, options.headTimeoutMs ?? 10_000)
    })
    try {
      port = await listen(server, host, port)
      servers.push(server)
    } catch (error) {
      if (host === '::1' && isUnavailable(error)) continue
      for (const one of servers) one.close()
      throw error
    }
  }
  return {
    port,
    async close() {
      const closed = servers.splice(0).map((server) => new Promise((done) => server.close(done)))
      for (const socket of open) socket.destroy()
      await Promise.all(closed)
    },
  }
}

/** Reads until the Host is known, then hands over to a splice. */
function greet(socket: Socket, route: (host: string) => readonly Address[], timeoutMs: number): void {
  const heard: Buffer[] = []
  let length = 0
  socket.on('error', () => socket.destroy())
  socket.setTimeout(timeoutMs, () => refuse(socket, '408 Request Timeout', 'the head of the request did not come'))
  const onData = (chunk: Buffer): void => {
    heard.push(chunk)
    length += chunk.length
    const head = Buffer.concat(heard)
    const host = hostOf(head)
    if (host === undefined && length < HEAD_LIMIT_BYTES) return
    socket.off('data', onData).pause().setTimeout(0)
    if (host === undefined) return refuse(socket, '431 Request Header Fields Too Large', 'no Host in sight')
    splice(socket, head, route(host))
  }
  socket.on('data', onData)
  socket.once('end', () => socket.destroy())
}

/** Host without its port, in lower case; `''` when a whole head has none, undefined while more must be read. */
export function hostOf(head: Buffer): string | undefined {
  const text = head.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const match = /\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n/i.exec(end === -1 ? text : text.slice(0, end + 2))
  if (match?.[1] === undefined) return end === -1 ? undefined : ''
  return match[1].toLowerCase().replace(/:\d+$/, '')
}

function splice(client: Socket, head: Buffer, targets: readonly Address[]): void {
  const [target, ...others] = targets
  if (target === undefined) return refuse(client, '503 Service Unavailable', 'nobody is ready behind this door yet')
  const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true })
  const onRefused = (): void => splice(client, head, others)
  const abandon = (): void => void upstream.destroy()
  upstream.once('error', onRefused)
  client.once('close', abandon)
  upstream.once('connect', () => {
    upstream.off('error', onRefused)
    upstream.on('error', () => client.destroy())
    upstream.once('close', () => client.destroy())
    upstream.write(head)
    client.removeAllListeners('end')
    client.pipe(upstream)
    upstream.pipe(client)
  })
}

function rotated(replicas: readonly Address[], turn: number): readonly Address[] {
  const first = replicas.length === 0 ? 0 : turn % replicas.length
  return [...replicas.slice(first), ...replicas.slice(0, first)]
}

function refuse(socket: Socket, status: string, why: string): void {
  const body = `${why}\n`
  const headers = [`content-length: ${body.length}`, 'content-type: text/plain', 'retry-after: 1', 'connection: close']
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`)
  socket.resume()
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen({ host, port, ipv6Only: true }, () => {
      server.off('error', fail)
      const address = server.address()
      done(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')
}
