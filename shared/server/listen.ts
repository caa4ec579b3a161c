import { once } from 'node:events'
import type { Server } from 'node:http'

export interface Address {
  /** Every address of both families when left out. */
  readonly host?: string | undefined
  /** 0 lets the system choose. */
  readonly port: number
}

/** Resolves with the port once the server accepts connections; rejects when the address is taken. */
export async function listen(server: Server, { host, port }: Address): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}
