// Each pod has a loopback address of its own, so that many may listen on the same port. A block of them belongs to one
// node: it holds a port of the block's first address, and a second world on the machine then takes the next block.
import { createServer, type Server } from 'node:net'

/** The kubelet's own port; whoever connects is hung up on. */
const LOCK_PORT = 10_250
const PREFIX = '127.77'
const FIRST_POD = 2
const LAST_POD = 254

export interface AddressBlock {
  /** `127.77.4`: the first three numbers of all its addresses. */
  readonly block: string
  /** The node's own address. */
  readonly node: string
  /** An address that no pod has, the longest unused first; undefined when all are in use. */
  take(): string | undefined
  give(address: string): void
  close(): Promise<void>
}

export class AddressError extends Error {
  override readonly name = 'AddressError'
}

/** The wanted block if it is free, else the first that is. */
export async function claimBlock(wanted?: string): Promise<AddressBlock> {
  const candidates = Array.from({ length: 256 }, (_, index) => `${PREFIX}.${index}`)
  for (const block of new Set([...(wanted === undefined ? [] : [wanted]), ...candidates])) {
    const lock = await tryListen(`${block}.1`)
    if (lock !== undefined) return addressBlock(block, lock)
  }
  throw new AddressError(`every block of addresses below ${PREFIX}.0.0 is in use`)
}

function addressBlock(block: string, lock: Server): AddressBlock {
  const free = Array.from({ length: LAST_POD - FIRST_POD + 1 }, (_, index) => `${block}.${FIRST_POD + index}`)
  return {
    block,
    node: `${block}.1`,
    // Given back at one end, taken at the other: somebody may still believe in the address of a pod that has just gone.
    take: () => free.shift(),
    give: (address) => void free.push(address),
    close: () => new Promise((done) => lock.close(() => done())),
  }
}

function tryListen(address: string): Promise<Server | undefined> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(undefined)
      else fail(new AddressError(explain(address, error), { cause: error }))
    })
    server.listen(LOCK_PORT, address, () => {
      server.unref()
      done(server)
    })
  })
}

function explain(address: string, error: NodeJS.ErrnoException): string {
  if (error.code !== 'EADDRNOTAVAIL') return `${address} cannot be used for pods: ${error.message}`
  return (
    `this machine does not answer on ${address}. Linux has all of 127.0.0.0/8 by itself; on macOS add the addresses ` +
    `once per boot: for n in $(seq 1 40); do sudo ifconfig lo0 alias ${address.replace(/\.\d+$/, '')}.$n; done`
  )
}
