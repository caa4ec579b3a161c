import { once } from 'node:events'
import { createServer } from 'node:net'
import { PostgresStartError } from './errors.ts'

/** The wanted port, else the one of last time if it is still free, else any free one. */
export async function choosePort(options: {
  readonly host: string
  readonly wanted: number | undefined
  readonly before: number | undefined
}): Promise<number> {
  const { host, wanted, before } = options
  if (wanted !== undefined) {
    if ((await tryPort(host, wanted)) !== undefined) return wanted
    throw new PostgresStartError(`port ${wanted} on ${host} is taken: PostgreSQL cannot listen there`)
  }
  const again = before === undefined ? undefined : await tryPort(host, before)
  const port = again ?? (await tryPort(host, 0))
  if (port === undefined) throw new PostgresStartError(`PostgreSQL cannot listen on ${host}: is it a loopback address?`)
  return port
}

async function tryPort(host: string, port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' ? address?.port : undefined
  } catch {
    return undefined
  } finally {
    server.close()
  }
}
