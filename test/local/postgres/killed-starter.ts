/** Run as a process of its own: starts PostgreSQL and is then killed without a chance to end it. */
import { startPostgres } from '#local/postgres/start.ts'

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }
const [, , dataDir = '', host = ''] = process.argv
const { signal } = new AbortController()
const { pid, port } = await startPostgres({ dataDir, host, durable: false, signal, log })
process.stdout.write(JSON.stringify({ pid, port }), () => process.kill(process.pid, 'SIGKILL'))
