// The pods of this node: those the scheduler gives it are run, those that are deleted are ended and their objects removed.
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Pod } from 'kubernetes-types/core/v1.js'

import { isConflict } from '#shared/k8s/errors.ts'

import type { AddressBlock } from './addresses.ts'
import { lostStatus } from './lost.ts'
import { type NodeParts, PodRun } from './pod.ts'
import { patchStatus, refOf } from './publish.ts'

export interface AgentOf extends NodeParts {
  readonly addresses: AddressBlock
  /** Holds a folder `{namespace}_{name}` per pod. */
  readonly podsDir: string
}

/** Logs of so many pods that are gone are kept. */
const KEPT_FOLDERS = 50
const RETRY_MS = 1000
const DEFAULT_GRACE_SECONDS = 30

interface Entry {
  readonly run: PodRun
  /** Resolves when its processes are gone, however that came. */
  readonly ended: Promise<void>
}

export class Agent {
  readonly #of: AgentOf
  readonly #entries = new Map<string, Entry>()
  #synced = false
  #stopped = false

  constructor(of: AgentOf) {
    this.#of = of
  }

  /** Until the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    const { kubernetes, nodeName, log } = this.#of
    const fieldSelector = `spec.nodeName=${nodeName}`
    const onFault = (error: Error): void => log.warn({ error }, 'the watch of pods was interrupted')
    for await (const event of kubernetes.watch<Pod>(
      { apiVersion: 'v1', kind: 'Pod' },
      { fieldSelector, signal, onFault },
    )) {
      if (event.type === 'synced') await this.#replace(event.objects, signal)
      else if (event.type === 'applied') this.#see(event.object, signal)
      else this.#gone(event.object)
    }
  }

  /** Ends all pods; their objects stay and are run again by the next node. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true
    await Promise.all(
      [...this.#entries.values()].map(async ({ run, ended }) => {
        await run.stop(Math.min(graceMs, graceOf(run.pod)), { tell: false })
        await ended
      }),
    )
  }

  async #replace(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const present = new Set(pods.map(uidOf))
    for (const [uid, { run }] of this.#entries) if (!present.has(uid)) this.#gone(run.pod)
    const known = this.#synced ? pods : await this.#recover(pods, signal)
    this.#synced = true
    for (const pod of known) this.#see(pod, signal)
  }

  /** Nothing of an earlier node runs any more, and everybody must know before anything starts. */
  async #recover(pods: readonly Pod[], signal: AbortSignal): Promise<readonly Pod[]> {
    const { kubernetes, podsDir, hostIP, log } = this.#of
    await mkdir(podsDir, { recursive: true })
    for (const folder of await readdir(podsDir))
      await rm(join(podsDir, folder, 'run'), { recursive: true, force: true })
    await this.#prune(pods)
    const reports = pods.map(async (pod): Promise<Pod> => {
      const status = lostStatus(pod, hostIP, new Date().toISOString())
      if (status === undefined) return pod
      await patchStatus(kubernetes, pod, status, signal).catch((error: unknown) =>
        log.warn({ error, ...refOf(pod) }, 'could not report that a pod was lost'),
      )
      return { ...pod, status }
    })
    return await Promise.all(reports)
  }

  #see(pod: Pod, signal: AbortSignal): void {
    if (this.#stopped) return
    const entry = this.#entries.get(uidOf(pod))
    const deleted = pod.metadata?.deletionTimestamp !== undefined
    if (entry !== undefined) {
      entry.run.update(pod)
      if (deleted) this.#attend(this.#delete(entry, signal), pod)
    } else if (deleted) this.#attend(this.#remove(pod, signal), pod)
    else if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') this.#start(pod)
  }

  #start(pod: Pod): void {
    const { addresses, podsDir, log } = this.#of
    const podIP = addresses.take()
    if (podIP === undefined) return log.error(refOf(pod), 'no address is left for a pod')
    const folder = join(podsDir, folderOf(pod))
    const run = new PodRun({ ...this.#of, pod, podIP, folder })
    const ended = run
      .run()
      .catch((error: unknown) => log.error({ error, ...refOf(pod) }, 'a pod could not be run'))
      .then(() => addresses.give(podIP))
    this.#entries.set(uidOf(pod), { run, ended })
  }

  /** Somebody asked for its end, with a grace. A later and shorter one shortens it. */
  async #delete(entry: Entry, signal: AbortSignal): Promise<void> {
    const { pod } = entry.run
    await entry.run.stop(graceOf(pod), { tell: true })
    await entry.ended
    await this.#remove(pod, signal)
    await this.#forget(pod)
  }

  /** Its object is gone without asking us: end what is left of it, now. */
  #gone(pod: Pod): void {
    const entry = this.#entries.get(uidOf(pod))
    if (entry === undefined) return
    const end = async (): Promise<void> => {
      await entry.run.stop(0, { tell: false })
      await entry.ended
      await this.#forget(pod)
    }
    this.#attend(end(), pod)
  }

  /** Nobody waits for it, but nothing is lost in silence. */
  #attend(work: Promise<void>, pod: Pod): void {
    work.catch((error: unknown) => this.#of.log.error({ error, ...refOf(pod) }, 'the end of a pod went wrong'))
  }

  async #forget(pod: Pod): Promise<void> {
    this.#entries.delete(uidOf(pod))
    await this.#prune([...this.#entries.values()].map(({ run }) => run.pod))
  }

  /** From the API server, for good. */
  async #remove(pod: Pod, signal: AbortSignal): Promise<void> {
    const { kubernetes, log } = this.#of
    const options = { gracePeriodSeconds: 0, signal, ...(pod.metadata?.uid !== undefined && { uid: pod.metadata.uid }) }
    for (let tries = 0; !signal.aborted && tries < 60; tries += 1) {
      try {
        await kubernetes.delete(refOf(pod), options)
        return
      } catch (error) {
        // Another pod of that name: ours is gone.
        if (signal.aborted || isConflict(error)) return
        log.warn({ error, ...refOf(pod) }, 'could not remove a pod that has ended')
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #prune(present: readonly Pod[]): Promise<void> {
    const { podsDir } = this.#of
    const kept = new Set(present.map(folderOf))
    const gone = (await readdir(podsDir)).filter((name) => !kept.has(name))
    if (gone.length <= KEPT_FOLDERS) return
    const dated = await Promise.all(gone.map(async (name) => ({ name, at: await changedAt(join(podsDir, name)) })))
    const oldest = dated.toSorted((one, other) => one.at - other.at).slice(0, gone.length - KEPT_FOLDERS)
    await Promise.all(oldest.map(({ name }) => rm(join(podsDir, name), { recursive: true, force: true })))
  }
}

const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? ''
const folderOf = ({ metadata }: Pod): string => `${metadata?.namespace}_${metadata?.name}`

function graceOf({ metadata, spec }: Pod): number {
  const seconds = metadata?.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
  return seconds * 1000
}

async function changedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
}
