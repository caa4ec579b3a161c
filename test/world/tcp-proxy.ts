// A TCP proxy that breaks connections the way networks do.
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: number
  readonly open: number
  /** Resets every open connection. */
  cut(): void
  /** Open connections stay open and carry nothing any more, in either direction; new ones work. */
  freeze(): void
  /** While off, connections are accepted and reset at once. */
  on: boolean
  close(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const state = { accepted: 0, on: true }
  const server = createServer((near) => {
    if (!state.on) {
      near.resetAndDestroy()
      return
    }
    state.accepted++
    const far = connect(target)
    const pair = { near, far }
    pairs.add(pair)
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      socket.on('error', () => undefined)
      socket.once('close', () => {
        near.destroy()
        far.destroy()
        pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy()
      far.destroy()
    }
  }
  return {
    port: address.port,
    get accepted() {
      return state.accepted
    },
    get open() {
      return pairs.size
    },
    get on() {
      return state.on
    },
    set on(on) {
      state.on = on
    },
    cut,
    freeze: () => {
      for (const { near, far } of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        near.pause()
        far.pause()
      }
    },
    close: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
