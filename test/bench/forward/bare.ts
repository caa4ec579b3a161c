// The forwarder behind the server it is made for. argv: port, port of the instance.
import { createServer } from 'node:http'
import { serverOptions } from '#functions/wake/connection/server-options.ts'
import { hostOf } from '#functions/wake/connection/host.ts'
import { createForwarder } from '#functions/wake/forward.ts'

const [port = '0', instance = '0'] = process.argv.slice(2)
const target = { host: '127.0.0.1', port: Number(instance) }
const forwarder = createForwarder({ trustedProxies: ['127.0.0.0/8'] })
const server = createServer(serverOptions, (request, response) => {
  const host = hostOf(request)
  if ('refuse' in host) response.writeHead(host.refuse).end(host.why)
  else void forwarder.forward(request, response, target)
})
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(server.address())))
