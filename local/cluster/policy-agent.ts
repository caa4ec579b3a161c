// Keeps the node's packet filter equal to the cluster's NetworkPolicies.
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Namespace, Pod } from 'kubernetes-types/core/v1.js'
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js'

import type { KindRef, Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'

import { ruleset } from './policies.ts'

/** Changes come in bursts; each load is one transaction of the kernel. */
const GATHER_MS = 10
const RETRY_MS = 1000

export interface PolicyAgentOf {
  readonly kubernetes: Kubernetes
  readonly onFault: (error: unknown) => void
}

/** Resolves when the signal ends it. */
export async function enforcePolicies({ kubernetes, onFault }: PolicyAgentOf, signal: AbortSignal): Promise<void> {
  let loaded = ''
  let turn = Promise.resolve()
  let waiting = false
  const load = async (): Promise<void> => {
    await sleep(GATHER_MS)
    waiting = false
    if (![pods, namespaces, policies].every((one) => one.synced)) return
    const text = ruleset({ pods: pods.all(), namespaces: namespaces.all(), policies: policies.all() })
    if (text === loaded) return
    await nft(text)
    loaded = text
  }
  const touch = (): void => {
    if (waiting) return
    waiting = true
    turn = turn.then(load).catch(async (error: unknown) => {
      onFault(error)
      await sleep(RETRY_MS, undefined, { ref: false })
      if (!signal.aborted) touch()
    })
  }
  const pods = new Mirror<Pod>()
  const namespaces = new Mirror<Namespace>()
  const policies = new Mirror<NetworkPolicy>()
  await Promise.all([
    pods.follow(kubernetes, { apiVersion: 'v1', kind: 'Pod' }, touch, signal),
    namespaces.follow(kubernetes, { apiVersion: 'v1', kind: 'Namespace' }, touch, signal),
    policies.follow(kubernetes, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' }, touch, signal),
  ])
  await turn
}

/** All objects of a kind, as of now. */
class Mirror<T extends Manifest> {
  synced = false
  readonly #objects = new Map<string, T>()

  all(): readonly T[] {
    return [...this.#objects.values()]
  }

  async follow(kubernetes: Kubernetes, kind: KindRef, touch: () => void, signal: AbortSignal): Promise<void> {
    for await (const event of kubernetes.watch<T>(kind, { signal })) {
      if (event.type === 'synced') {
        this.#objects.clear()
        for (const object of event.objects) this.#objects.set(object.metadata?.uid ?? '', object)
        this.synced = true
      } else if (event.type === 'applied') this.#objects.set(event.object.metadata?.uid ?? '', event.object)
      else this.#objects.delete(event.object.metadata?.uid ?? '')
      touch()
    }
  }
}

async function nft(text: string): Promise<void> {
  const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  child.stdin.on('error', () => undefined) // its own message tells why it went away
  child.stdin.end(text)
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`nft: ${said.trim()}`))))
  })
}
