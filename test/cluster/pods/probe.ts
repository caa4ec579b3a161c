// A pod for tests: says what it can reach, keeps the events it is sent, and answers a plain request at once.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

interface Seen {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly data: unknown
}

const seen: Seen[] = []

const server = createServer((request, response) => {
  void answer(request, response).catch((error: unknown) => {
    response.writeHead(500).end(String(error))
  })
})
server.listen(Number(process.env['PORT'] ?? 8080), '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://probe')
  if (pathname === '/reach') {
    const [host, port, limit] = ['host', 'port', 'limit'].map((name) => searchParams.get(name) ?? '')
    return json(response, await reach(host ?? '', Number(port), Number(limit)))
  }
  if (pathname === '/seen') return json(response, seen)
  if (request.method === 'POST') {
    const header = (name: string): string => String(request.headers[`ce-${name}`] ?? '')
    const body = await text(request)
    seen.push({ id: header('id'), type: header('type'), subject: header('subject'), data: parse(body) })
    response.writeHead(204).end()
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain' }).end('here\n')
}

/** Refused means that something answered: only silence is a blocked way. */
function reach(host: string, port: number, limitMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (result: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end('blocked'), limitMs)
    socket.once('connect', () => end('open'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
