// The least that node:http can say: what a loading page costs more than this is ours. argv: port.
import { createServer } from 'node:http'

const [port = '0'] = process.argv.slice(2)
const server = createServer({ noDelay: true, keepAliveTimeout: 95_000 }, (_request, response) => {
  response.writeHead(503, { 'Content-Type': 'text/plain', 'Content-Length': 7 }).end('asleep\n')
})
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(server.address())))
