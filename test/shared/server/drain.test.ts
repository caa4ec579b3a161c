import { once } from 'node:events'
import { Agent, createServer, request, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { drainable } from '#shared/server/drain.ts'
import { listen } from '#shared/server/listen.ts'

async function serving(listener: RequestListener) {
  const server = createServer(listener)
  const drain = drainable(server)
  return { drain, port: await listen(server, { host: '127.0.0.1', port: 0 }) }
}

describe('shared/server/drain', () => {
  it('tells clients to leave once it retires, and serves them still', async () => {
    const { drain, port } = await serving((_request, response) => response.end('ok'))
    const agent = new Agent({ keepAlive: true })
    const connection = async (): Promise<string | undefined> => {
      const [response] = await once(request({ agent, port, host: '127.0.0.1' }).end(), 'response')
      response.resume()
      await once(response, 'end')
      return response.headers.connection
    }
    expect(await connection()).toBe('keep-alive')
    drain.retire()
    expect(await connection()).toBe('close')
    expect(await drain.finish(1000)).toBe(true)
    agent.destroy()
  })

  it('closes a connection that becomes idle after the close', async () => {
    const { drain, port } = await serving((_request, response) => {
      response.writeHead(200, { 'content-length': '4' }).write('ab')
      setTimeout(() => response.end('cd'), 100)
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'data')
    expect(await drain.finish(4000)).toBe(true)
  })

  it('cuts what does not finish, and says so', async () => {
    const { drain, port } = await serving((_request, response) => void response.writeHead(200).write('begin'))
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'data')
    const closed = once(socket, 'close')
    expect(await drain.finish(100)).toBe(false)
    await closed
  })

  it('has nothing to do before it listens', async () => {
    expect(await drainable(createServer()).finish(100)).toBe(true)
  })
})
