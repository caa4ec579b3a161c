/** One read's worth: what crosses the loopback or a node's network in one go. */
export const BUFFER_BYTES = 64 * 1024
const MOST_FREE = 64

const free: Buffer[] = []

/**
 * What is read is used up before the next read can happen, so that all sockets share this one, and an idle socket has none. Its bytes
 * must be copied by whoever keeps them.
 */
export const shared: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

/** For a body that is larger than one read: its bytes go from socket to socket without a copy. */
export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}

/** Nobody looks at it any more. Fresh memory costs a page fault for every 4 KB, so some are kept. */
export function giveBuffer(buffer: Buffer): void {
  if (free.length < MOST_FREE) free.push(buffer)
}
