// An instance in a process of its own. argv: port, bytes of body.
import { serveInstance } from './instance.ts'

const [port = 0, size = 1024] = process.argv.slice(2).map(Number)
console.log(JSON.stringify(await serveInstance(port, size)))
