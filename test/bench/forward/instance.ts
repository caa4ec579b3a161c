import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** An instance that costs next to nothing: any request without a body gets the same `size` bytes. Gives its address when it listens. */
export async function serveInstance(port: number, size: number): Promise<AddressInfo> {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nSet-Cookie: session_id=abcdefghijklmnopqrstuvwxyz0123456789ABCD; Expires=Mon, 30 Nov 2026 10:00:00 GMT; Max-Age=604800; HttpOnly; Path=/\r\nContent-Length: ${size}\r\n\r\n`
  const answer = Buffer.from(head + 'x'.repeat(size), 'latin1')

  const server = createServer({ noDelay: true }, (socket) => {
    let rest = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      const parts = (rest + bytes.toString('latin1')).split('\r\n\r\n')
      rest = parts.pop() ?? ''
      for (let i = 0; i < parts.length; i++) socket.write(answer)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server.address() as AddressInfo
}
