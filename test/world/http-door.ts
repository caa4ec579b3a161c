// A door in front of the real API server that speaks plain HTTP and can be told to answer something else for once.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request } from 'node:https'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpDoor {
  readonly url: string
  /** `GET /api/v1/…`, in the order of their arrival. */
  readonly requests: readonly string[]
  /** The next requests that match get these instead, one each. */
  answer(match: RegExp, ...answers: readonly (Answer | 'reset')[]): void
  /** Ends every open answer as if it were complete. */
  endAll(): void
  /** Ends every open answer in the middle of a line. */
  cutMidLine(): void
  close(): Promise<void>
}

interface Planned {
  readonly match: RegExp
  readonly answer: Answer | 'reset'
}

export async function openHttpDoor(target: { readonly server: string; readonly ca: string }): Promise<HttpDoor> {
  const requests: string[] = []
  const planned: Planned[] = []
  const open = new Set<ServerResponse>()
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`
    requests.push(line)
    const index = planned.findIndex(({ match }) => match.test(line))
    const [plan] = index === -1 ? [] : planned.splice(index, 1)
    if (plan?.answer === 'reset') incoming.socket.resetAndDestroy()
    else if (plan !== undefined) outgoing.writeHead(plan.answer.status, plan.answer.headers).end(plan.answer.body)
    else {
      open.add(outgoing)
      outgoing.once('close', () => open.delete(outgoing))
      forward(target, incoming, outgoing)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    answer: (match, ...answers) => void planned.push(...answers.map((answer) => ({ match, answer }))),
    endAll: () => open.forEach((outgoing) => outgoing.end()),
    cutMidLine: () => open.forEach((outgoing) => outgoing.write('{"type":"MODI', () => outgoing.socket?.destroy())),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function forward(target: { server: string; ca: string }, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { host: _host, ...headers } = incoming.headers
  const far = request(`${target.server}${incoming.url}`, { method: incoming.method, headers, ca: target.ca })
  far.once('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    outgoing.flushHeaders()
    answer.pipe(outgoing)
    answer.once('error', () => outgoing.destroy())
  })
  far.once('error', () => outgoing.destroy())
  outgoing.once('close', () => far.destroy())
  incoming.pipe(far)
}
