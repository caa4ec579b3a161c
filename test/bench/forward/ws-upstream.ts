// An instance that agrees to every WebSocket and gives back what comes. argv: port. Other requests: 200.
import { createServer } from 'node:net'

const [port = '0'] = process.argv.slice(2)
const agreed =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.once('data', (head) => {
    if (!head.includes('Upgrade: websocket')) return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    socket.write(agreed)
    socket.on('data', (bytes) => socket.write(bytes))
  })
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(JSON.stringify(server.address())),
)
