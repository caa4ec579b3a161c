// The two ends of a forwarded request, as raw sockets: a client and an instance that send exactly the bytes a test names.
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { hostOf } from '#functions/wake/connection/host.ts'
import { serverOptions } from '#functions/wake/connection/server-options.ts'
import {
  createForwarder,
  type Forwarder,
  type ForwarderOptions,
  type Tap,
  type Target,
} from '#functions/wake/connection/forward.ts'

/** One connection, seen from a test: everything that came, and ways to wait for more. */
export class End {
  readonly socket: Socket
  text = ''
  /** The other side said that it is done. */
  ended = false
  /** How it closed: cleanly, or reset. */
  closed: 'clean' | 'reset' | undefined
  bytes = 0
  keepText = true
  private readonly waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (piece) => {
      this.bytes += piece.length
      if (this.keepText) this.text += piece.toString('latin1')
      this.look()
    })
    socket.on('end', () => {
      this.ended = true
      this.look()
    })
    socket.on('error', () => (this.closed = 'reset'))
    socket.on('close', () => {
      this.closed ??= 'clean'
      this.look()
    })
    onTestFinished(() => void socket.destroy())
  }

  send(text: string | Buffer): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Until what has come fits; then that is taken away, so that the next wait starts behind it. */
  async until(pattern: RegExp): Promise<string> {
    await this.when(() => pattern.test(this.text))
    const match = pattern.exec(this.text)
    const end = (match?.index ?? 0) + (match?.[0].length ?? 0)
    const taken = this.text.slice(0, end)
    this.text = this.text.slice(end)
    return taken
  }

  async gone(): Promise<'clean' | 'reset'> {
    await this.when(() => this.closed !== undefined || this.ended)
    return this.closed ?? 'clean'
  }

  async when(fits: () => boolean, limitMs = 4_000): Promise<void> {
    if (fits()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look)
        reject(
          new Error(
            `waited in vain; what came: ${JSON.stringify(this.text.slice(-500))}, ended ${this.ended}, closed ${this.closed}`,
          ),
        )
      }, limitMs)
      const look = (): void => {
        if (!fits()) return
        clearTimeout(timer)
        this.waiting.delete(look)
        resolve()
      }
      this.waiting.add(look)
    })
  }

  private look(): void {
    for (const look of this.waiting) look()
  }
}

export interface Instance {
  readonly target: Target
  /** Connections in the order they came. */
  readonly ends: readonly End[]
  /** The connection number `index`, once it is there. */
  connection(index: number): Promise<End>
  stop(): Promise<void>
}

/** An instance that does what `serve` does with each connection; without it, what the test does by hand. */
export async function startInstance(serve?: (end: End, index: number) => void): Promise<Instance> {
  const ends: End[] = []
  const arrived = new Set<() => void>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const end = new End(socket)
    ends.push(end)
    serve?.(end, ends.length - 1)
    for (const look of arrived) look()
  })
  const port = await listen(server)
  const stop = async (): Promise<void> => {
    for (const { socket } of ends) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(stop)
  const connection = async (index: number): Promise<End> => {
    while (ends[index] === undefined) await new Promise<void>((resolve) => arrived.add(resolve))
    return ends[index]
  }
  return { target: { host: '127.0.0.1', port }, ends, connection, stop }
}

/** Answers each bodiless request on a connection with the next of `answers`, the last one for ever. */
export function answering(...answers: string[]): (end: End) => void {
  return (end) => {
    let served = 0
    end.socket.on('data', () => {
      for (const asked = /\r\n\r\n/; asked.test(end.text); served++) {
        end.text = end.text.slice(end.text.indexOf('\r\n\r\n') + 4)
        end.socket.write(answers[Math.min(served, answers.length - 1)] ?? '', 'latin1')
      }
    })
  }
}

export interface Door {
  readonly port: number
  readonly server: Server
  readonly forwarder: Forwarder
  /** How each forwarded request or upgrade went, in the order they ended. */
  readonly outcomes: unknown[]
  outcome(index: number): Promise<unknown>
  client(): Promise<End>
  /** A client that sends `text` at once. */
  ask(text: string): Promise<End>
}

/** The server in front, with the options it is meant to have and nothing else before the forwarder. */
export async function openDoor(
  target: Target,
  options: Partial<ForwarderOptions> & { readonly tap?: Tap } = {},
): Promise<Door> {
  const { tap, ...rest } = options
  const forwarder = createForwarder({ trustedProxies: [], ...rest })
  const outcomes: unknown[] = []
  const server = createHttpServer(serverOptions)
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const host = hostOf(request)
    if ('refuse' in host) {
      response.writeHead(host.refuse, { Connection: 'close' }).end(host.why)
      return
    }
    void forwarder.forward(request, response, target).then((how) => {
      if (how.outcome === 'unsent') response.writeHead(how.error.status).end(how.error.message)
      return outcomes.push(how)
    })
  }
  server.on('request', onRequest).on('checkContinue', onRequest)
  server.on('upgrade', (request, socket, early) => {
    void forwarder.upgrade(request, socket, early, target, tap).then((how) => outcomes.push(how))
  })
  const port = await listen(server)
  onTestFinished(async () => {
    await forwarder.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const client = async (): Promise<End> => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    const end = new End(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    return end
  }
  const outcome = async (index: number): Promise<unknown> => {
    while (outcomes.length <= index) await new Promise((resolve) => setTimeout(resolve, 5))
    return outcomes[index]
  }
  return { port, server, forwarder, outcomes, outcome, client, ask: async (text) => (await client()).send(text) }
}

export async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

export const get = (path = '/', ...headers: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: demo.localhost\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`

export const ok = (body: string, ...headers: string[]): string =>
  `HTTP/1.1 200 OK\r\n${headers.map((line) => `${line}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`
