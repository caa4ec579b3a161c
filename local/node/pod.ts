// The life of one pod: its volumes, its init containers in order, its containers, its end.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Container, Pod, PodStatus } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import type { BackOffLimits } from './backoff.ts'
import { ContainerRun, type RestartPolicy } from './container.ts'
import { environmentOf, expand, referencesOf } from './environment.ts'
import { teller } from './events.ts'
import type { Place } from './fields.ts'
import type { Images } from './images.ts'
import { readSources } from './objects.ts'
import type { Launch, Launcher } from './process.ts'
import { type Publisher, publisher } from './publish.ts'
import { NoSuchImage } from './refusal.ts'
import { layOutRoot } from './root.ts'
import { type ContainerView, type PodView, statusOf } from './status.ts'
import { surroundings } from './surroundings.ts'
import { Volumes } from './volumes.ts'

export interface NodeParts {
  readonly nodeName: string
  readonly hostIP: string
  /** Where the API server answers, for the pods. */
  readonly apiServer: { readonly host: string; readonly port: string }
  readonly kubernetes: Kubernetes
  readonly launcher: Launcher
  readonly images: Images
  readonly backOff: BackOffLimits
  readonly log: Log
}

export interface PodOf extends NodeParts {
  readonly pod: Pod
  readonly podIP: string
  /** `{container}.log` here; everything else in `run/`, which goes with the pod. */
  readonly folder: string
}

/** What is left to sidecars when the grace was used up by the others; the kubelet gives the same. */
const LAST_GRACE_MS = 2000
const DEFAULT_GRACE_SECONDS = 30
/** How long the last status may take before the pod's object is deleted all the same. */
const LAST_WORD_MS = 5000

export class PodRun {
  readonly #of: PodOf
  readonly #place: Place
  readonly #publisher: Publisher
  readonly #volumes: Volumes
  readonly #containers: readonly ContainerRun[]
  readonly #ended = new AbortController()
  readonly #startTime = new Date().toISOString()
  #pod: Pod
  #status: PodStatus | undefined
  #initialized = false
  #silent = false
  #stopping: Promise<void> | undefined
  #life: Promise<void> | undefined

  constructor(of: PodOf) {
    const { pod, podIP, hostIP, nodeName, kubernetes, log } = of
    this.#of = of
    this.#pod = pod
    this.#status = pod.status
    this.#place = { podIP, hostIP, nodeName }
    this.#publisher = publisher({ pod, kubernetes, log, signal: this.#ended.signal })
    const folder = join(of.folder, 'run', 'volumes')
    this.#volumes = new Volumes({ pod, folder, place: this.#place, kubernetes, log, signal: this.#ended.signal })
    this.#containers = this.#plan()
  }

  get pod(): Pod {
    return this.#pod
  }

  /** Resolves when everything has ended and nothing will start again. */
  async run(): Promise<void> {
    await (this.#life ??= this.#live())
    await this.#stopping
  }

  /** The pod as the API server has it now. */
  update(pod: Pod): void {
    this.#pod = pod
    const wanted = new Map(specsOf(pod).map(({ name, resources }) => [name, resources]))
    const resized = this.#containers.filter((container) => container.resize(wanted.get(container.name)))
    if (resized.length > 0) this.#changed()
  }

  /**
   * Ends all containers, sidecars after the others and in reverse, and removes what the pod had on this machine. Called
   * again it can only shorten the grace. `tell`: report how it ended. Not when the node goes: the pod is to run again.
   */
  async stop(graceMs: number, { tell }: { readonly tell: boolean }): Promise<void> {
    this.#silent ||= !tell
    const containers = this.#stopInOrder(graceMs)
    this.#stopping ??= containers.then(() => this.#finish())
    await this.#stopping
  }

  async #finish(): Promise<void> {
    await this.#life
    // Somebody waits with the pod's object until it knows how the pod ended.
    const followed = (this.#pod.metadata?.finalizers ?? []).length > 0
    if (followed && !this.#silent) {
      this.#changed()
      await Promise.race([this.#publisher.flushed(), sleep(LAST_WORD_MS, undefined, { ref: false })])
    }
    await this.#close()
  }

  async #close(): Promise<void> {
    this.#ended.abort()
    await rm(join(this.#of.folder, 'run'), { recursive: true, force: true })
  }

  async #live(): Promise<void> {
    await mkdir(this.#of.folder, { recursive: true })
    this.#initialized = await this.#initialize()
    if (this.#initialized) {
      await Promise.all(this.#containers.filter(({ role }) => role === 'main').map((container) => container.run()))
    }
    if (this.#stopping !== undefined) return
    await this.#stopSidecars(DEFAULT_GRACE_SECONDS * 1000)
    this.#changed()
    await this.#publisher.flushed()
    await this.#close()
  }

  /** One after the other; a sidecar is waited for only until it has started. */
  async #initialize(): Promise<boolean> {
    for (const container of this.#containers) {
      if (container.role === 'main') break
      if (this.#stopping !== undefined) return false
      if (container.role === 'sidecar') await container.started()
      else await container.run()
      if (container.role === 'init' && !container.succeeded()) return false
    }
    return this.#stopping === undefined
  }

  async #stopInOrder(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs
    const others = this.#containers.filter(({ role }) => role !== 'sidecar')
    await Promise.all(others.map((container) => container.stop(graceMs)))
    await this.#stopSidecars(Math.max(deadline - performance.now(), LAST_GRACE_MS))
  }

  async #stopSidecars(graceMs: number): Promise<void> {
    const sidecars = this.#containers.filter(({ role }) => role === 'sidecar')
    for (const sidecar of sidecars.toReversed()) await sidecar.stop(graceMs)
  }

  #plan(): readonly ContainerRun[] {
    const { pod, podIP, backOff, launcher, kubernetes, nodeName } = this.#of
    const { restartPolicy = 'Always', terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS } = pod.spec ?? {}
    const policy = policyOf(restartPolicy)
    const init = new Set(pod.spec?.initContainers)
    const tell = teller({ pod, nodeName, kubernetes, signal: this.#ended.signal })
    return specsOf(pod).map((container) => {
      const sidecar = container.restartPolicy === 'Always'
      const role: ContainerView['role'] = init.has(container) ? (sidecar ? 'sidecar' : 'init') : 'main'
      return new ContainerRun({
        container,
        role,
        // An init container that has succeeded is done under every policy.
        restart: sidecar ? 'Always' : role === 'init' && policy === 'Always' ? 'OnFailure' : policy,
        podIP,
        graceMs: terminationGracePeriodSeconds * 1000,
        backOff,
        launcher,
        prepare: (spec) => this.#prepare(spec),
        changed: () => this.#changed(),
        tell,
        restartCount: earlierStarts(pod, container.name),
      })
    })
  }

  async #prepare(container: Container): Promise<Launch> {
    const { pod, podIP, folder, kubernetes, images, apiServer } = this.#of
    const reader = { kubernetes, namespace: pod.metadata?.namespace ?? '', signal: this.#ended.signal }
    const [volumes, sources] = await Promise.all([
      this.#volumes.write(),
      readSources(referencesOf([container]), reader),
    ])
    const root = join(folder, 'run', 'root', container.name)
    await layOutRoot(root, container.volumeMounts ?? [], volumes)
    const own = environmentOf(container, pod, this.#place, sources)
    const { image = '', command, args } = container
    const words = (list: readonly string[] = []): string[] => list.map((word) => expand(word, own))
    const expanded = { ...container, ...(command && { command: words(command) }), ...(args && { args: words(args) }) }
    const program = images(expanded, { root, podIP })
    if (program === undefined) throw new NoSuchImage(`no program on the local node stands for image "${image}"`)
    const { base, fixed } = surroundings({ pod, container, root, podIP, apiServer })
    const env = { ...base, ...program.env, ...own, ...fixed }
    return { program, env, cwd: root, logFile: join(folder, `${container.name}.log`) }
  }

  #snapshot(): PodStatus {
    const view: PodView = {
      pod: this.#pod,
      containers: this.#containers.map((container) => container.view()),
      podIP: this.#of.podIP,
      hostIP: this.#of.hostIP,
      startTime: this.#startTime,
      initialized: this.#initialized,
      terminal: this.#stopping !== undefined,
    }
    return statusOf(view, this.#status, new Date().toISOString())
  }

  #changed(): void {
    if (this.#silent) return
    const status = this.#snapshot()
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return
    this.#status = status
    this.#publisher.publish(status)
  }
}

function specsOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
}

function policyOf(text: string): RestartPolicy {
  return text === 'OnFailure' || text === 'Never' ? text : 'Always'
}

/** A container that had run before this node took the pod is started again, which counts. */
function earlierStarts({ status }: Pod, name: string): number {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  const earlier = all.find((each) => each.name === name)
  const ran = earlier?.state?.running !== undefined || earlier?.state?.terminated !== undefined
  return (earlier?.restartCount ?? 0) + (ran ? 1 : 0)
}
