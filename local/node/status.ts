// From what the node knows of a pod's containers to the status it reports. Pure: the time is an argument.
import type {
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
  ResourceRequirements,
} from 'kubernetes-types/core/v1.js'

export type State =
  | { readonly is: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly is: 'running'; readonly since: string }
  | Terminated

export interface Terminated {
  readonly is: 'terminated'
  readonly exitCode: number
  readonly signal?: number
  readonly reason: string
  readonly message?: string
  readonly startedAt?: string
  readonly finishedAt: string
  readonly containerID?: string
}

export interface ContainerView {
  readonly name: string
  readonly image: string
  readonly role: 'init' | 'sidecar' | 'main'
  readonly state: State
  readonly lastExit?: Terminated
  /** Startup probe passed, or there is none and it runs. */
  readonly started: boolean
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly resources?: ResourceRequirements
}

export interface PodView {
  readonly pod: Pod
  readonly containers: readonly ContainerView[]
  readonly podIP: string | undefined
  readonly hostIP: string
  /** When the node took the pod. */
  readonly startTime: string
  /** All init containers have done their work and all sidecars have started. */
  readonly initialized: boolean
  /** It is being deleted: what has ended will not start again, whatever its restart policy. */
  readonly terminal: boolean
  /** Why the pod as a whole has failed, apart from its containers. */
  readonly failure?: { readonly reason: string; readonly message: string }
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

export function phaseOf({ pod, containers, initialized, terminal, failure }: PodView): Phase {
  if (failure !== undefined) return 'Failed'
  const policy = pod.spec?.restartPolicy ?? 'Always'
  if (!initialized) return policy === 'Never' && containers.some(failedInit) ? 'Failed' : 'Pending'
  const main = containers.filter(({ role }) => role === 'main')
  if (main.some(neverRan)) return 'Pending'
  if (!main.every(({ state }) => state.is === 'terminated')) return 'Running'
  if (policy === 'Always' && !terminal) return 'Running'
  const failed = main.some(({ state }) => state.is === 'terminated' && state.exitCode !== 0)
  if (!failed) return 'Succeeded'
  return policy === 'Never' || terminal ? 'Failed' : 'Running'
}

const neverRan = ({ state, lastExit }: ContainerView): boolean => state.is === 'waiting' && lastExit === undefined
const failedInit = ({ role, state }: ContainerView): boolean =>
  role === 'init' && state.is === 'terminated' && state.exitCode !== 0

/** Only what is ours: conditions of others stay as they are. `before` tells when ours turned. */
export function statusOf(view: PodView, before: PodStatus | undefined, now: string): PodStatus {
  const { podIP, hostIP, startTime, containers, failure } = view
  const phase = phaseOf(view)
  return {
    phase,
    conditions: conditionsOf(view, phase, before?.conditions ?? [], now),
    hostIP,
    ...(podIP !== undefined && { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    ...(failure !== undefined && failure),
    initContainerStatuses: containers.filter(({ role }) => role !== 'main').map(containerStatus),
    containerStatuses: containers.filter(({ role }) => role === 'main').map(containerStatus),
  }
}

interface Finding {
  readonly type: string
  readonly yes: boolean
  readonly reason?: string
  readonly message?: string
}

function conditionsOf(view: PodView, phase: Phase, before: readonly PodCondition[], now: string): PodCondition[] {
  const ended = phase === 'Succeeded' || phase === 'Failed'
  const watched = view.containers.filter(({ role }) => role !== 'init')
  const unready = watched.filter(({ ready }) => !ready).map(({ name }) => name)
  const why = ended
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
  const allReady = !ended && view.initialized && unready.length === 0
  const waiting = { reason: 'ContainersNotInitialized', message: 'init containers have not finished' }
  const findings: readonly Finding[] = [
    { type: 'PodReadyToStartContainers', yes: !ended && view.podIP !== undefined },
    { type: 'Initialized', yes: view.initialized, ...(!view.initialized && waiting) },
    { type: 'Ready', yes: allReady, ...(!allReady && why) },
    { type: 'ContainersReady', yes: allReady, ...(!allReady && why) },
    { type: 'PodScheduled', yes: true },
  ]
  return findings.map((finding) => condition(finding, before, now))
}

function condition(
  { type, yes, reason, message }: Finding,
  before: readonly PodCondition[],
  now: string,
): PodCondition {
  const status = yes ? 'True' : 'False'
  const earlier = before.find((each) => each.type === type)
  const lastTransitionTime = earlier?.status === status ? (earlier.lastTransitionTime ?? now) : now
  return { type, status, lastTransitionTime, ...(reason && { reason }), ...(message && { message }) }
}

/** `resources` are repeated as asked for, which is how an in-place resize is told to be done; nothing enforces them. */
function containerStatus(view: ContainerView): ContainerStatus {
  const { name, image, started, ready, restartCount, containerID, resources, lastExit } = view
  const requests = resources?.requests
  return {
    name,
    image,
    imageID: '',
    started,
    ready,
    restartCount,
    ...(containerID !== undefined && { containerID }),
    state: stateOf(view.state),
    lastState: lastExit === undefined ? {} : stateOf(lastExit),
    ...(resources !== undefined && { resources }),
    ...(requests !== undefined && { allocatedResources: requests }),
  }
}

function stateOf(state: State): ContainerState {
  switch (state.is) {
    case 'waiting': {
      const { reason, message } = state
      return { waiting: { reason, ...(message !== undefined && { message }) } }
    }
    case 'running':
      return { running: { startedAt: state.since } }
    case 'terminated': {
      const { is: _, startedAt, ...rest } = state
      return { terminated: startedAt === undefined ? rest : { ...rest, startedAt } }
    }
  }
}
