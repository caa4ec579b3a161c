import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ContainerStatus, Pod, PodStatus } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'
import {
  podFacts,
  troubleOfDeployment,
  withTold,
  worldOf,
  type Phase,
  type PodFacts,
  type TroubleCode,
} from '#functions/wake/instance/world.ts'
import { troubleOfEvent } from '#functions/wake/instance/pod-events.ts'
import { unschedulable } from './rooms-of.ts'

function podOf(status: PodStatus, nodeName?: string): Pod {
  const metadata = { uid: 'pod-1', creationTimestamp: '2026-11-23T10:00:00Z' }
  return { metadata, status, spec: { containers: [], ...(nodeName && { nodeName }) } }
}

function container(state: ContainerStatus['state'], changes: Partial<ContainerStatus> = {}): PodStatus {
  const status = { name: 'odoo', image: 'odoo', imageID: '', ready: false, restartCount: 0, ...changes }
  return { phase: 'Pending', containerStatuses: [{ ...status, ...(state && { state }) }] }
}

const waitingFor = (reason: string): PodStatus => container({ waiting: { reason, message: `because of ${reason}` } })

const lastWords = (message: string): PodStatus =>
  container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: { terminated: { exitCode: 1, message } } })

const phases: readonly (readonly [what: string, pod: Pod, phase: Phase])[] = [
  ['a pod nobody has looked at', podOf({ phase: 'Pending' }), 'accepted'],
  ['a pod with a node', podOf({ phase: 'Pending' }, 'node-1'), 'scheduled'],
  ['a pod whose container is made', podOf(waitingFor('ContainerCreating'), 'node-1'), 'pulling'],
  [
    'a pod whose sidecar runs and whose Odoo does not',
    podOf({ initContainerStatuses: [], ...waitingFor('PodInitializing') }, 'node-1'),
    'pulling',
  ],
  ['a pod whose container runs', podOf(container({ running: {} }), 'node-1'), 'starting'],
  ['a ready pod', podOf({ conditions: [{ type: 'Ready', status: 'True' }] }, 'node-1'), 'ready'],
]

const troubles: readonly (readonly [what: string, pod: Pod, code: TroubleCode | null, final: boolean])[] = [
  ['a container that is being made', podOf(waitingFor('ContainerCreating')), null, false],
  ['an image that cannot be fetched', podOf(waitingFor('ErrImagePull')), 'image-pull', true],
  ['an image that cannot be fetched again', podOf(waitingFor('ImagePullBackOff')), 'image-pull', true],
  ['a name that is no image', podOf(waitingFor('InvalidImageName')), 'image-pull', true],
  ['a Secret that is missing', podOf(waitingFor('CreateContainerConfigError')), 'configuration', true],
  ['a container that ends again and again', podOf(waitingFor('CrashLoopBackOff')), 'crash-loop', true],
  [
    'one that PostgreSQL did not let in',
    podOf(
      lastWords('psycopg2.OperationalError: connection to server at "10.0.0.7", port 5432 failed: Connection refused'),
    ),
    'database',
    true,
  ],
  [
    'one whose role is gone',
    podOf(lastWords('Traceback …\nFATAL:  role "odoo_demo" does not exist\n')),
    'database',
    true,
  ],
  [
    'one that the pooler did not let in',
    podOf(lastWords('server login has been failing, try again later (server_login_retry)')),
    'database',
    true,
  ],
  [
    'one whose add-on is broken',
    podOf(lastWords("ImportError: cannot import name 'x' from 'odoo.addons.y'")),
    'crash-loop',
    true,
  ],
  [
    'a container that is too large',
    podOf(
      container(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } }, restartCount: 3 },
      ),
    ),
    'out-of-memory',
    true,
  ],
  [
    'a pod without a place',
    podOf({
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes: cpu' }],
    }),
    'unschedulable',
    false,
  ],
  [
    'a pod whose volume is elsewhere',
    podOf({
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'volume node affinity conflict' },
      ],
    }),
    'volume',
    false,
  ],
]

describe('podFacts', () => {
  it.each(phases)('%s', (_what, pod, phase) => {
    expect(podFacts(pod)?.seen.phase).toBe(phase)
  })

  it.each(troubles)('%s', (_what, pod, code, final) => {
    const trouble = podFacts(pod)?.trouble ?? null
    expect(trouble?.code ?? null).toBe(code)
    expect(trouble?.final ?? false).toBe(final)
  })

  it('tells how a container ended', () => {
    const ended = { lastState: { terminated: { exitCode: 1, reason: 'Error' } }, restartCount: 4 }
    const pod = podOf(container({ waiting: { reason: 'CrashLoopBackOff' } }, ended))
    expect(podFacts(pod)?.trouble?.detail).toBe('odoo ended with Error 1, 4 restarts')
  })

  it.each(['Failed', 'Succeeded'])('takes no notice of a pod that is over: %s', (phase) => {
    expect(podFacts(podOf({ phase }))).toBeUndefined()
  })
})

function facts(changes: Partial<PodFacts> & { readonly ready?: boolean } = {}): PodFacts {
  const { uid = 'pod-1', ready = false } = changes
  const seen = { uid, ip: '10.1.2.3', phase: 'starting' as const, ready }
  return { uid, createdAt: '2026-11-23T10:00:00Z', deleting: false, trouble: null, seen, ...changes }
}

const deployment = { status: 'active' as const, replicas: 1, trouble: null }
const quota = { code: 'quota' as const, detail: 'exceeded quota', final: true }

describe('worldOf', () => {
  it('keeps one answer for all sleepers of a status', () => {
    const sleeping = { ...deployment, replicas: 0 }
    expect(worldOf(sleeping, [])).toBe(worldOf({ ...sleeping }, []))
  })

  it('takes the newest pod that is not being deleted', () => {
    const old = facts({ uid: 'old', createdAt: '2026-11-23T09:00:00Z' })
    const going = facts({ uid: 'going', createdAt: '2026-11-23T11:00:00Z', deleting: true })
    expect(worldOf(deployment, [old, facts(), going])).toMatchObject({ pod: { uid: 'pod-1' }, stopping: true })
  })

  it('takes every pod of an instance that wants none for one that ends', () => {
    expect(worldOf({ ...deployment, replicas: 0 }, [facts()])).toMatchObject({ pod: null, stopping: true })
  })

  it('does not call it a refusal while a pod of before still has its share of the quota', () => {
    const refused = { ...deployment, trouble: quota }
    expect(worldOf(refused, [facts({ deleting: true })]).trouble).toBeNull()
    expect(worldOf(refused, []).trouble).toBe(quota)
    expect(worldOf(refused, [facts()]).trouble).toBeNull()
  })
})

describe('what the Events of a pod say', () => {
  const told = { pod: 'pod-1', trouble: { code: 'volume' as const, detail: 'Multi-Attach error', final: false } }
  const stuck = { status: 'active' as const, replicas: 1, stopping: false, trouble: null }
  const pod = { uid: 'pod-1', ip: null, phase: 'pulling' as const, ready: false }

  it('is believed until its containers run, and about no other pod', () => {
    expect(withTold({ ...stuck, pod }, told).trouble?.code).toBe('volume')
    expect(withTold({ ...stuck, pod: { ...pod, phase: 'starting' } }, told).trouble).toBeNull()
    expect(withTold({ ...stuck, pod: { ...pod, uid: 'pod-2' } }, told).trouble).toBeNull()
    expect(withTold({ ...stuck, pod, trouble: unschedulable }, told).trouble).toBe(unschedulable)
    expect(withTold({ ...stuck, pod: null }, told).trouble).toBeNull()
  })

  it.each([
    ['FailedAttachVolume', 'Multi-Attach error for volume "pvc-1"', 'volume'],
    ['FailedMount', 'MountVolume.SetUp failed for volume "filestore": rpc error', 'volume'],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "config" : configmap "odoo-config" not found',
      'configuration',
    ],
    ['Pulling', 'Pulling image "odoo:19.0"', undefined],
    ['FailedScheduling', '0/3 nodes are available', undefined],
  ])('%s: %s', (reason, message, code) => {
    expect(troubleOfEvent({ reason, message, metadata: {}, involvedObject: {} })?.code).toBe(code)
  })
})

describe('troubleOfDeployment', () => {
  const failing = (message: string, status = 'True'): Deployment => ({
    status: { conditions: [{ type: 'ReplicaFailure', status, message }] },
  })

  it('knows a quota from another refusal', () => {
    expect(troubleOfDeployment(failing('pods "odoo-x" is forbidden: exceeded quota: instance-quota'))?.code).toBe(
      'quota',
    )
    expect(troubleOfDeployment(failing('admission webhook denied it'))?.code).toBe('refused')
    expect(troubleOfDeployment(failing('over', 'False'))).toBeNull()
    expect(troubleOfDeployment({})).toBeNull()
  })
})
