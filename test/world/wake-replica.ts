// A wake replica as the other functions see it: a Pod object in the real API server, and at its address a real server
// that answers the control port as the test tells it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { whenAllowed } from './when-allowed.ts'

export interface ControlCall {
  readonly method: string
  readonly path: string
  readonly body: unknown
}
export type Reply = { readonly status: number; readonly body?: unknown } | 'hang'

export interface WakeReplica {
  readonly calls: ControlCall[]
  readonly port: number
  close(): Promise<void>
}

export interface WakeReplicaOptions {
  readonly kubernetes: Kubernetes
  readonly namespace: string
  readonly name: string
  /** Loopback address, one per replica, since all share one port. */
  readonly address: string
  /** 0 lets the system choose: for the first one. */
  readonly port?: number
  readonly reply: (call: ControlCall) => Reply | Promise<Reply>
}

export async function wakeReplica(options: WakeReplicaOptions): Promise<WakeReplica> {
  const calls: ControlCall[] = []
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const text = Buffer.concat(await request.toArray()).toString()
    const call = {
      method: request.method ?? '',
      path: request.url ?? '',
      body: text === '' ? undefined : JSON.parse(text),
    }
    calls.push(call)
    const reply = await options.reply(call)
    if (reply === 'hang') return
    response.writeHead(reply.status, { 'content-type': 'application/json' })
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
  }
  await new Promise<void>((resolve) => void server.listen(options.port ?? 0, options.address, resolve))
  await createPod(options)
  return {
    calls,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

/** The Pod object of a replica, by which the other functions find it. */
export async function createPod(
  options: Pick<WakeReplicaOptions, 'kubernetes' | 'namespace' | 'name' | 'address'>,
): Promise<void> {
  const { kubernetes, namespace, name, address } = options
  const signal = AbortSignal.timeout(60_000)
  const labels = { 'app.kubernetes.io/name': 'wake' }
  const containers = [{ name: 'wake', image: 'platxa-functions' }]
  // No scheduler of this name comes, so no node takes it. Bound to a node that is not there, it would be collected after
  // 40 s, which is not long on a crowded machine.
  const spec = { schedulerName: 'nobody', containers, automountServiceAccountToken: false }
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec }
  await whenAllowed(() => kubernetes.create(pod, { signal }))
  const status = { phase: 'Running', podIP: address, podIPs: [{ ip: address }] }
  await kubernetes.patch(
    { apiVersion: 'v1', kind: 'Pod', namespace, name },
    { status },
    { type: 'merge', subresource: 'status', signal },
  )
}
