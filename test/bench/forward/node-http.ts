// What one would write without thinking: node:http on both sides. argv: port, port of the instance.
import { Agent, createServer, request as ask } from 'node:http'

const [port = '0', instance = '0'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 128, scheduling: 'lifo' })
const server = createServer({ noDelay: true, keepAliveTimeout: 95_000 }, (request, response) => {
  const { method, url, headers } = request
  const onward = ask({ host: '127.0.0.1', port: Number(instance), agent, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  request.pipe(onward)
})
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(server.address())))
