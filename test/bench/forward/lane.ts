import { connect } from 'node:net'
import { REQUEST } from './request.ts'

/** A connection that asks one question at a time. */
export interface Lane {
  ask(): void
}

export interface LaneOptions {
  readonly port: number
  /** Beginning of the head of a good answer. */
  readonly wanted: string
  /** The whole answer is there, `ms` after the question. */
  readonly answered: (lane: Lane, ms: number) => void
  readonly failed: () => void
  readonly closed: () => void
  readonly read?: (bytes: number) => void
}

const READ = Buffer.allocUnsafeSlow(256 * 1024)
const MOST_HEAD = 4096
const END = '\r\n\r\n'

/** Looks at the head and counts the rest: whoever measures must cost less than what is measured. */
export function openLane({ port, wanted, answered, failed, closed, read }: LaneOptions): Promise<Lane> {
  return new Promise((resolve) => {
    let head = ''
    let left = -1
    let askedAt = 0
    const callback = (length: number): boolean => {
      read?.(length)
      let body = length
      if (left < 0) {
        const before = head.length
        head += READ.toString('latin1', 0, Math.min(length, MOST_HEAD))
        const end = head.indexOf(END)
        if (end < 0) return true
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN)
        body = length - (end + END.length - before)
        if (!head.startsWith(wanted) || Number.isNaN(left)) failed()
        head = ''
      }
      left -= body
      if (left > 0) return true
      left = -1
      answered(self, performance.now() - askedAt)
      return true
    }
    const onread = { buffer: READ, callback }
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread }, () => resolve(self))
    socket.on('error', failed).on('close', closed)
    const self: Lane = {
      ask: () => {
        askedAt = performance.now()
        socket.write(REQUEST)
      },
    }
  })
}
