import type { Pod, PodStatus } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'

import { lostStatus } from '#local/node/lost.ts'
import { type ContainerView, phaseOf, type PodView, type State, statusOf, type Terminated } from '#local/node/status.ts'

const T0 = '2026-11-23T10:00:00.000Z'
const T1 = '2026-11-23T10:00:05.000Z'

const waiting: State = { is: 'waiting', reason: 'PodInitializing' }
const running: State = { is: 'running', since: T0 }
const ended = (exitCode: number): Terminated => ({
  is: 'terminated',
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  finishedAt: T1,
})

const container = (state: State, extra: Partial<ContainerView> = {}): ContainerView => ({
  name: 'main',
  image: 'odoo:19.0',
  role: 'main',
  state,
  started: state.is === 'running',
  ready: state.is === 'running',
  restartCount: 0,
  ...extra,
})
const init = (state: State): ContainerView => container(state, { name: 'init', role: 'init' })

const view = (containers: readonly ContainerView[], extra: Partial<PodView> = {}): PodView => ({
  pod: { spec: { containers: [] } },
  containers,
  podIP: '127.77.0.5',
  hostIP: '127.77.0.1',
  startTime: T0,
  initialized: true,
  terminal: false,
  ...extra,
})
const policy = (restartPolicy: string): Partial<PodView> => ({ pod: { spec: { containers: [], restartPolicy } } })

describe('the phase', () => {
  it.each<[string, string, PodView]>([
    ['Pending', 'nothing has started yet', view([container(waiting)])],
    ['Pending', 'an init container runs', view([init(running), container(waiting)], { initialized: false })],
    ['Pending', 'one of two containers has never run', view([container(running), container(waiting)])],
    ['Running', 'the container runs', view([container(running)])],
    ['Running', 'it runs and is not ready', view([container(running, { ready: false })])],
    ['Running', 'it crashed and waits for its next start', view([container(waiting, { lastExit: ended(1) })])],
    ['Running', 'it ended and will be started again', view([container(ended(0))])],
    ['Running', 'one of two has ended for good', view([container(ended(0)), container(running)], policy('Never'))],
    ['Running', 'it failed and is tried again', view([container(ended(1))], policy('OnFailure'))],
    ['Succeeded', 'all have done their work', view([container(ended(0)), container(ended(0))], policy('Never'))],
    ['Succeeded', 'it has done its work in the end', view([container(ended(0))], policy('OnFailure'))],
    ['Succeeded', 'the pod is deleted and its container ended well', view([container(ended(0))], { terminal: true })],
    [
      'Failed',
      'one has failed and none is started again',
      view([container(ended(0)), container(ended(2))], policy('Never')),
    ],
    ['Failed', 'the pod is deleted and its container was killed', view([container(ended(137))], { terminal: true })],
    [
      'Failed',
      'an init container failed and is not tried again',
      view([init(ended(1)), container(waiting)], { initialized: false, ...policy('Never') }),
    ],
  ])('is %s when %s', (phase, _when, pod) => {
    expect(phaseOf(pod)).toBe(phase)
  })
})

describe('the conditions', () => {
  const conditions = (pod: PodView, before?: PodStatus, now = T1): Record<string, string> =>
    Object.fromEntries(
      (statusOf(pod, before, now).conditions ?? []).map(({ type, status, reason }) => [
        type,
        reason === undefined ? status : `${status} ${reason}`,
      ]),
    )

  it('of a pod whose containers are ready are all true', () => {
    expect(conditions(view([container(running)]))).toEqual({
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      Ready: 'True',
      ContainersReady: 'True',
      PodScheduled: 'True',
    })
  })

  it('name the containers that are not ready', () => {
    const status = statusOf(
      view([container(running), container(running, { name: 'slow', ready: false })]),
      undefined,
      T1,
    )
    expect(status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [slow]',
    })
  })

  it('count a sidecar, and an init container only until it has ended', () => {
    const sidecar = container(running, { name: 'sidecar', role: 'sidecar', ready: false })
    expect(conditions(view([init(ended(0)), sidecar, container(running)]))).toMatchObject({
      Ready: 'False ContainersNotReady',
    })
    expect(conditions(view([init(ended(0)), container(running)]))).toMatchObject({ Ready: 'True' })
  })

  it('say of a pod that has done its work that it is complete', () => {
    expect(conditions(view([container(ended(0))], policy('Never')))).toMatchObject({ Ready: 'False PodCompleted' })
  })

  it('keep the time at which they turned', () => {
    const first = statusOf(view([container(running)]), undefined, T0)
    const same = statusOf(view([container(running)]), first, T1)
    expect(same.conditions).toEqual(first.conditions)
    const turned = statusOf(view([container(running, { ready: false })]), first, T1)
    const times = Object.fromEntries(
      (turned.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    )
    expect(times).toMatchObject({ Ready: T1, ContainersReady: T1, Initialized: T0, PodScheduled: T0 })
  })
})

describe('the status of a container', () => {
  it('tells its state, its last exit and the resources it was given', () => {
    const resources = { requests: { cpu: '250m' }, limits: { cpu: '1' } }
    const again = container(running, { restartCount: 2, lastExit: ended(1), resources, containerID: 'process://1' })
    expect(statusOf(view([again]), undefined, T1).containerStatuses).toEqual([
      {
        name: 'main',
        image: 'odoo:19.0',
        imageID: '',
        started: true,
        ready: true,
        restartCount: 2,
        containerID: 'process://1',
        state: { running: { startedAt: T0 } },
        lastState: { terminated: { exitCode: 1, reason: 'Error', finishedAt: T1 } },
        resources,
        allocatedResources: { cpu: '250m' },
      },
    ])
  })

  it('of init containers and sidecars stands apart', () => {
    const sidecar = container(running, { name: 'sidecar', role: 'sidecar' })
    const status = statusOf(view([init(ended(0)), sidecar, container(running)]), undefined, T1)
    expect(status.initContainerStatuses?.map(({ name }) => name)).toEqual(['init', 'sidecar'])
    expect(status.containerStatuses?.map(({ name }) => name)).toEqual(['main'])
  })
})

describe('a pod whose processes ended with an earlier node', () => {
  const ran = (restartPolicy: string): Pod => ({
    spec: { containers: [], restartPolicy },
    status: statusOf(view([container(running, { restartCount: 1 })], policy(restartPolicy)), undefined, T0),
  })

  it('is not ready any more and counts one more start', () => {
    const status = lostStatus(ran('Always'), '127.77.0.1', T1)
    expect(status?.podIP).toBeUndefined()
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }))
    expect(status?.containerStatuses?.[0]).toMatchObject({
      ready: false,
      restartCount: 2,
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: T0 } },
    })
  })

  it('has failed when it may not be started again', () => {
    const status = lostStatus(ran('Never'), '127.77.0.1', T1)
    expect(status).toMatchObject({ phase: 'Failed', reason: 'NodeRestarted' })
    expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, state: { terminated: { exitCode: 137 } } })
  })

  it.each<[string, PodStatus]>([
    ['had never started', {}],
    ['had done its work', { phase: 'Succeeded', startTime: T0 }],
    ['had failed', { phase: 'Failed', startTime: T0 }],
  ])('is left as it is when it %s', (_what, status) => {
    expect(lostStatus({ status }, '127.77.0.1', T1)).toBeUndefined()
  })
})
