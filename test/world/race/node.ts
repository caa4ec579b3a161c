// A node of many small pods: what a kubelet would say of them is said here, and each "container" is a server on an address that no other pod
// of the run has had or will have. They count what they get.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import { addresses } from '#test/world/addresses.ts'

export interface RaceNode {
  got(id: string): number
  /** Pods it has run. */
  readonly boots: number
  stop(): Promise<void>
}

const httpPort = 8069
/** Up to so much is added to every step: on a real node none of them comes at a fixed time (milliseconds). */
const jitterMs = 40
const readyAfterMs = 100
const sweepMs = 10

/** Runs every pod that is bound to `node`. The Node object itself is the caller's. */
export function startRaceNode(kubernetes: Kubernetes, node: string): RaceNode {
  const stopping = new AbortController()
  const { signal } = stopping
  const received = new Map<string, number>()
  const running = new Map<string, Promise<Server>>()
  const ending = new Set<string>()
  const address = addresses()
  let boots = 0

  async function follow(): Promise<void> {
    const kind = { apiVersion: 'v1', kind: 'Pod' }
    for await (const event of kubernetes.watch<Pod>(kind, { fieldSelector: `spec.nodeName=${node}`, signal })) {
      const pods = event.type === 'synced' ? event.objects : event.type === 'applied' ? [event.object] : []
      for (const pod of pods) look(pod).catch((error: unknown) => signal.aborted || console.error(error))
    }
  }

  async function look(pod: Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? ''
    const server = running.get(uid)
    if (pod.metadata?.deletionTimestamp === undefined) {
      if (server === undefined) await start(pod, uid)
    } else if (server !== undefined && !ending.has(uid)) {
      ending.add(uid)
      await end(pod, await server)
    }
  }

  async function start(pod: Pod, uid: string): Promise<void> {
    boots += 1
    const ip = address()
    const booting = boot(ip)
    running.set(uid, booting)
    await booting
    await say(pod, ip, false)
    await sleep(readyAfterMs + Math.random() * jitterMs, undefined, { signal })
    await say(pod, ip, true)
  }

  async function boot(ip: string): Promise<Server> {
    const server = createServer((incoming, response) => void answer(incoming, response))
    server.listen(httpPort, ip)
    await once(server, 'listening')
    return server
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? ''
    const body = await incoming.toArray().catch(() => undefined)
    if (!path.startsWith('/race/')) return void response.end('{"jsonrpc":"2.0","id":1,"result":{}}')
    const id = path.slice('/race/'.length)
    // What never came whole was not got: an instance does nothing with half a call.
    if (body !== undefined) received.set(id, (received.get(id) ?? 0) + 1)
    await sleep(Math.random() * 10)
    response.end(id)
  }

  /** As Odoo takes SIGTERM: what runs is finished, what is idle is closed, nothing new is accepted. */
  async function end(pod: Pod, server: Server): Promise<void> {
    await sleep(Math.random() * jitterMs)
    const closed = once(server, 'close')
    server.close()
    const sweep = setInterval(() => server.closeIdleConnections(), sweepMs)
    await closed
    clearInterval(sweep)
    await kubernetes.delete(refOf(pod), { gracePeriodSeconds: 0, signal: AbortSignal.timeout(30_000) })
  }

  async function say(pod: Pod, ip: string, ready: boolean): Promise<void> {
    const patch = { status: statusOf(ip, ready) }
    // A pod that has ended meanwhile has nothing to say.
    await kubernetes.patch(refOf(pod), patch, { type: 'merge', subresource: 'status', signal }).catch(() => undefined)
  }

  const following = follow()
  return {
    got: (id) => received.get(id) ?? 0,
    get boots() {
      return boots
    },
    async stop() {
      stopping.abort()
      await following
      for (const server of running.values()) (await server).close().closeAllConnections()
    },
  }
}

function statusOf(ip: string, ready: boolean): object {
  const is = ready ? 'True' : 'False'
  const conditions = ['PodScheduled', 'Ready', 'ContainersReady'].map((type) => ({
    type,
    status: type === 'PodScheduled' ? 'True' : is,
  }))
  const container = { name: 'odoo', image: 'odoo', imageID: '', restartCount: 0, ready }
  const startedAt = new Date().toISOString()
  const containerStatuses = [{ ...container, state: { running: { startedAt } } }]
  return { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions, containerStatuses }
}

function refOf({ metadata }: Pod): Ref {
  return { apiVersion: 'v1', kind: 'Pod', namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}
