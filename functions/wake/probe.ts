// Asks a pod itself whether it can answer, without waiting for kubelet, EndpointSlice or kube-proxy. Odoo accepts
// connections before its registry is loaded and answers the health route right after (odoo-lab.md, claim c).
import { request } from 'node:http'
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
export const probeDefaults = { port: 8069, path: healthPath, everyMs: 50, tryMs: 5_000 } as const

/** Resolves when the pod answers; ends only that way or by the signal. */
export async function probe(what: Probe, signal: AbortSignal): Promise<void> {
  let told = false
  const onListening = (): void => {
    if (!told) what.onListening()
    told = true
  }
  while (!(await tryOnce({ ...what, onListening }, signal))) await sleep(what.everyMs, undefined, { signal })
}

/** Below 500 it is Odoo that speaks: series without the health route answer 404 or redirect. */
function tryOnce(
  { ip, port, host, path, tryMs, traceparent, onListening }: Probe,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted()
  const limited = AbortSignal.any([signal, AbortSignal.timeout(tryMs)])
  return new Promise((resolve, reject) => {
    const asked = request({
      host: ip,
      port,
      path,
      agent: false,
      signal: limited,
      headers: { host, connection: 'close', ...(traceparent && { traceparent }) },
    })
    asked.on('socket', (socket) => socket.once('connect', onListening))
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
