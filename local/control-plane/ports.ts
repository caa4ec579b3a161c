import { createServer, type Server } from 'node:net'

/**
 * One free port per name. The preferred one is kept when it is still free, so that whoever holds our address finds us
 * again after a restart; the rest are chosen by the system, all held at once so that they differ.
 */
export async function freePorts<Name extends string>(
  host: string,
  names: readonly Name[],
  preferred: Partial<Record<Name, number>> = {},
): Promise<Record<Name, number>> {
  const held: Server[] = []
  try {
    const entries: [Name, number][] = []
    for (const name of names) {
      const server = await listen(host, preferred[name] ?? 0).catch(() => listen(host, 0))
      held.push(server)
      entries.push([name, portOf(server)])
    }
    return Object.fromEntries(entries) as Record<Name, number>
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
