// Asks a pod itself whether it can answer, without waiting for kubelet, EndpointSlice or kube-proxy. Odoo accepts
// connections before its registry is loaded and answers the health route right after (odoo-lab.md, claim c).
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Probe {
  readonly ip: string
  readonly port: number
  /** One of the instance's own hosts: it is asked as a visitor would. */
  readonly host: string
  readonly path: string
  /** From the end of one try to the next. */
  readonly everyMs: number
  /** One try: an Odoo that accepts and is still loading keeps us waiting, which is the fastest way to hear from it. */
  readonly tryMs: number
  /** The trace this wake belongs to; undefined when nothing is traced. */
  readonly traceparent?: string | undefined
  /** Called once, when the port accepts for the first time. */
  readonly onListening: () => void
}

export const healthPath = '/web/health'
export const probeDefaults = { port: 8069, path: healthPath, everyMs: 20, tryMs: 5_000 } as const

/** Resolves when the pod answers; ends only that way or by the signal. */
export async function probe(what: Probe, signal: AbortSignal): Promise<void> {
  let told = false
  const onListening = (): void => {
    if (!told) what.onListening()
    told = true
  }
  while (!(await tryOnce({ ...what, onListening }, signal))) await sleep(what.everyMs, undefined, { signal })
}

/** A refused connection is all that most tries come to, so it is dialled before a request is made. */
async function tryOnce(what: Probe, signal: AbortSignal): Promise<boolean> {
  const socket = await dial(what, signal)
  if (socket === undefined) return false
  what.onListening()
  return asks(socket, what, signal)
}

function dial({ ip, port, tryMs }: Probe, signal: AbortSignal): Promise<Socket | undefined> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port, noDelay: true, signal })
    socket.setTimeout(tryMs, () => socket.destroy())
    socket.once('connect', () => resolve(socket))
    socket.on('error', () => undefined)
    socket.once('close', () => {
      if (signal.aborted) reject(signal.reason)
      else resolve(undefined)
    })
  })
}

/** Below 500 it is Odoo that speaks: series without the health route answer 404 or redirect. */
function asks(socket: Socket, { path, host, tryMs, traceparent }: Probe, signal: AbortSignal): Promise<boolean> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(tryMs)])
  return new Promise((resolve, reject) => {
    const headers = { host, connection: 'close', ...(traceparent && { traceparent }) }
    const asked = request({ createConnection: () => socket, path, signal: limited, headers })
    asked.on('response', (response) => {
      response.resume()
      response.once('error', () => undefined)
      resolve((response.statusCode ?? 500) < 500)
    })
    asked.on('error', () => {
      if (signal.aborted) reject(signal.reason)
      else resolve(false)
    })
    asked.end()
  })
}
