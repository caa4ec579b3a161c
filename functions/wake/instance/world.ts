// What the two watches say about one instance, reduced to the few fields that decide anything. Pure.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ContainerStatus, Pod, PodCondition } from 'kubernetes-types/core/v1.js'
import type { Status } from '#shared/events/catalogue.ts'

/** Why an instance does not come up, in words a program can compare; the page has sentences for each (page/words.ts). */
export const troubleCodes = [
  'unschedulable',
  'volume',
  'quota',
  'refused',
  'image-pull',
  'crash-loop',
  'out-of-memory',
  'configuration',
  'database',
  'timeout',
  'api-server',
] as const
export type TroubleCode = (typeof troubleCodes)[number]

export interface Trouble {
  readonly code: TroubleCode
  /** For operators: it may name images, nodes and limits, so it is never shown to visitors. */
  readonly detail: string
  /** Nobody should wait: it does not pass by itself within a request's patience. */
  readonly final: boolean
}

/** How far a wake has come, in order. `database`: the port accepts, Odoo loads its registry. */
export const phases = [
  'stopping',
  'requested',
  'accepted',
  'scheduled',
  'pulling',
  'starting',
  'database',
  'ready',
] as const
export type Phase = (typeof phases)[number]

/** When each phase was first seen on this replica. */
export type Marks = Readonly<Partial<Record<Phase, number>>>

export interface PodSeen {
  readonly uid: string
  readonly ip: string | null
  readonly phase: Phase
  readonly ready: boolean
}

export interface World {
  readonly status: Status
  readonly replicas: number
  /** The newest pod that is not being deleted. */
  readonly pod: PodSeen | null
  /** A pod of before is still ending. */
  readonly stopping: boolean
  readonly trouble: Trouble | null
}

/** One pod as we keep it: thousands are asleep and have none, so this is rare. */
export interface PodFacts {
  readonly uid: string
  readonly createdAt: string
  readonly deleting: boolean
  readonly seen: PodSeen
  readonly trouble: Trouble | null
}

export function later(marks: Marks, phase: Phase, now: number): Marks {
  return marks[phase] === undefined ? { ...marks, [phase]: now } : marks
}

export function phaseOf({ pod, stopping, replicas }: World): Phase {
  if (pod !== null) return pod.phase
  return stopping && replicas === 0 ? 'stopping' : 'requested'
}

/** Puts together what the Deployment and its pods say. Sleepers all share one frozen answer, because there are many. */
export function worldOf(
  deployment: { readonly status: Status; readonly replicas: number; readonly trouble: Trouble | null },
  pods: readonly PodFacts[],
): World {
  const { status, replicas } = deployment
  if (replicas === 0 && pods.length === 0) return sleepers[status]
  const current = pods.filter((pod) => !pod.deleting).sort(newestFirst)[0]
  // Without a wanted replica every pod is on its way out, also where the controllers have not said so yet.
  if (replicas === 0) return { status, replicas, pod: null, stopping: true, trouble: null }
  const stopping = pods.some((pod) => pod.deleting)
  // A pod that still ends keeps its share of the quota: that refusal is over when the pod is.
  const refused = stopping ? null : deployment.trouble
  return { status, replicas, pod: current?.seen ?? null, stopping, trouble: current ? current.trouble : refused }
}

export interface Told {
  readonly pod: string
  readonly trouble: Trouble
}

/** With what Events say of the pod, as long as nothing newer is known: its containers do not run yet. */
export function withTold(world: World, told: Told | null): World {
  const { pod, trouble } = world
  if (told === null || pod?.uid !== told.pod || trouble !== null) return world
  return pod.phase === 'scheduled' || pod.phase === 'pulling' ? { ...world, trouble: told.trouble } : world
}

const asleep = { replicas: 0, pod: null, stopping: false, trouble: null }
const sleepers: Readonly<Record<Status, World>> = {
  active: { status: 'active', ...asleep },
  suspended: { status: 'suspended', ...asleep },
  disabled: { status: 'disabled', ...asleep },
}

function newestFirst(a: PodFacts, b: PodFacts): number {
  return a.createdAt < b.createdAt ? 1 : -1
}

/** The Deployment's own word when no pod could be made at all: quota, admission. */
export function troubleOfDeployment({ status }: Deployment): Trouble | null {
  const failure = status?.conditions?.find(
    (condition) => condition.type === 'ReplicaFailure' && condition.status === 'True',
  )
  if (failure === undefined) return null
  const detail = failure.message ?? failure.reason ?? 'its pod was refused'
  return { code: /exceeded quota|forbidden: .*quota/i.test(detail) ? 'quota' : 'refused', detail, final: true }
}

export function podFacts(pod: Pod): PodFacts | undefined {
  const { uid, creationTimestamp = '', deletionTimestamp } = pod.metadata ?? {}
  const over = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded'
  if (uid === undefined || over) return undefined
  const { podIP, conditions = [] } = pod.status ?? {}
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  const seen = { uid, ip: podIP ?? null, phase: phaseOfPod(pod, ready), ready }
  return { uid, createdAt: creationTimestamp, deleting: deletionTimestamp !== undefined, seen, trouble: troubleOf(pod) }
}

function phaseOfPod({ spec, status }: Pod, ready: boolean): Phase {
  if (ready) return 'ready'
  const own = status?.containerStatuses ?? []
  if (own.some(({ state }) => state?.running !== undefined)) return 'starting'
  if (own.length > 0 || (status?.initContainerStatuses ?? []).length > 0) return 'pulling'
  return spec?.nodeName === undefined ? 'accepted' : 'scheduled'
}

function troubleOf({ status }: Pod): Trouble | null {
  const unplaced = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False')
  if (unplaced?.reason === 'Unschedulable') return unschedulable(unplaced)
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  for (const container of containers) {
    const trouble = troubleOfContainer(container)
    if (trouble !== null) return trouble
  }
  return null
}

/** Not final: a cluster that grows makes a place within a minute or two. */
function unschedulable({ message = 'no node has a place for it' }: PodCondition): Trouble {
  const code = /persistentvolumeclaim|volume/i.test(message) ? 'volume' : 'unschedulable'
  return { code, detail: message, final: false }
}

const waitingCodes: ReadonlyMap<string, TroubleCode> = new Map<string, TroubleCode>([
  ['ErrImagePull', 'image-pull'],
  ['ImagePullBackOff', 'image-pull'],
  ['InvalidImageName', 'image-pull'],
  ['ErrImageNeverPull', 'image-pull'],
  ['ImageInspectError', 'image-pull'],
  ['CrashLoopBackOff', 'crash-loop'],
  ['CreateContainerConfigError', 'configuration'],
  ['CreateContainerError', 'configuration'],
  ['RunContainerError', 'configuration'],
])

function troubleOfContainer({ name, state, lastState, restartCount }: ContainerStatus): Trouble | null {
  const waiting = state?.waiting
  const ended = lastState?.terminated
  const code = waitingCodes.get(waiting?.reason ?? '')
  if (code === undefined) return null
  if (code !== 'crash-loop') return { code, detail: `${name}: ${waiting?.message ?? waiting?.reason}`, final: true }
  const how = ended === undefined ? 'ended' : `ended with ${ended.reason ?? 'exit code'} ${ended.exitCode}`
  const said = ended?.message
    ?.trim()
    .split('\n')
    .findLast((line) => noDatabase.test(line))
  const detail = `${name} ${how}, ${restartCount} restarts${said === undefined ? '' : `: ${said.slice(0, 300)}`}`
  if (ended?.reason === 'OOMKilled') return { code: 'out-of-memory', detail, final: true }
  return { code: said === undefined ? 'crash-loop' : 'database', detail, final: true }
}

/** Last words of an Odoo that PostgreSQL or the pooler did not let in (psycopg2's, libpq's, PgBouncer's). */
const noDatabase =
  /OperationalError|connection to server at|could not (?:connect to server|translate host name)|server login has been failing|FATAL: +(?:password|role|database|permission|no pg_hba|the database system|remaining connection|too many connections)/
