import { describe, expect, it } from 'vitest'

import { ConfigProblem } from '#local/node/environment.ts'
import { crashNews, MountProblem, NoSuchImage, refusalNews } from '#local/node/refusal.ts'
import type { State } from '#local/node/status.ts'

const fresh: State = { is: 'waiting', reason: 'PodInitializing' }
const pulling: State = { is: 'waiting', reason: 'ErrImagePull' }

describe('a container that cannot be started', () => {
  it.each<[string, Error, State, string, string]>([
    ['an unknown image, the first time', new NoSuchImage('no x'), fresh, 'ErrImagePull', 'Failed: no x'],
    [
      'an unknown image, again',
      new NoSuchImage('no x'),
      pulling,
      'ImagePullBackOff',
      'BackOff: Back-off 20s pulling image: no x',
    ],
    [
      'a missing Secret',
      new ConfigProblem('secret "a" not found'),
      fresh,
      'CreateContainerConfigError',
      'Failed: Error: secret "a" not found',
    ],
    [
      'a missing volume',
      new MountProblem('data', 'it is not bound'),
      fresh,
      'ContainerCreating',
      'FailedMount: MountVolume.SetUp failed for volume "data" : it is not bound',
    ],
    ['any other fault', new Error('EMFILE'), fresh, 'CreateContainerConfigError', 'Failed: Error: EMFILE'],
  ])('for %s says what a kubelet says', (_what, error, before, waiting, event) => {
    const { state, reason, text } = refusalNews(error, before, 20_000)
    expect([state.is === 'waiting' && state.reason, `${reason}: ${text}`]).toEqual([waiting, event])
  })

  it('because it keeps crashing says how long it waits', () => {
    const { state, text } = crashNews('odoo', 40_000)
    expect(state).toMatchObject({ reason: 'CrashLoopBackOff' })
    expect(text).toBe('back-off 40s restarting failed container=odoo')
  })
})
