import type { Server } from 'node:http'

export interface Address {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** Resolves with the port once the server accepts connections. */
export async function listen(server: Server, { host, port }: Address): Promise<number> {
  throw new Error(`not written yet: ${server.listening} ${host} ${port}`)
}
