// The body of a call that wake answers itself: a few hundred bytes, read whole and never waited for for long.
import type { IncomingMessage } from 'node:http'

const longest = 16 * 1024
const withinMs = 5_000

/** As much as fits and comes in time; a client that is too slow is cut, as it could not hear the answer either. */
export async function readSmallBody(request: IncomingMessage): Promise<string> {
  let body = ''
  const timer = setTimeout(() => request.destroy(), withinMs)
  try {
    request.setEncoding('utf8')
    for await (const piece of request) {
      body += piece
      if (body.length > longest) break
    }
  } catch {
    // It left while it was speaking; what it said so far is of no use.
  } finally {
    clearTimeout(timer)
  }
  return body
}

/** What has come of it by now, or comes first; all of it can still be read afterwards. */
export async function peekBody(request: IncomingMessage): Promise<string> {
  await somethingReadable(request)
  const first: unknown = request.read()
  if (!Buffer.isBuffer(first)) return ''
  request.unshift(first)
  return first.toString('utf8')
}

function somethingReadable(request: IncomingMessage): Promise<void> {
  if (request.readableLength > 0 || request.readableEnded || request.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      request.off('readable', done).off('close', done)
      resolve()
    }
    const timer = setTimeout(done, withinMs)
    request.once('readable', done).once('close', done)
  })
}
