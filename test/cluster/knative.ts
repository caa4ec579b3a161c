// What the project takes from Knative, seen on its own functions and its own manifests.
import type { Event } from 'kubernetes-types/core/v1.js'
import { beforeAll, describe, expect, inject, it } from 'vitest'

import { namespaceOf } from '#shared/instance/names.ts'

import { logs } from './logs.ts'
import { observe, type Observer } from './observer.ts'
import { cluster, hostOf, newInstance, PATIENCE, podsOf, publish, signal } from './world.ts'

const AWAY_MS = 4000

/** Outcomes that the pods of a function wrote down for events about one instance. */
async function outcomes(name: string, instance: string): Promise<readonly string[]> {
  const said = await logs(new RegExp(`^platxa_${name}-.*user-container/\\d+\\.log$`))
  const lines = [...said.values()].flat().filter((line) => line.includes(`"instance":"${instance}"`))
  return lines.flatMap((line) => /"outcome":"([a-z]+)"/.exec(line)?.[1] ?? [])
}

describe('Knative', () => {
  let observer: Observer

  beforeAll(async () => {
    observer = await observe('observer')
    await newInstance('replied')
  })

  it('publishes what a function replies: whoever has a Trigger hears that an instance was provisioned', async () => {
    const heard = await observer.heard(
      ({ type, subject }) => type === 'io.platxa.instance.provisioned.v1' && subject === 'instances/replied',
    )
    expect(heard.data).toMatchObject({ namespace: namespaceOf('replied') })
  })

  it('starts a function that has no pod when an event comes, and takes the pod away when none come', async () => {
    const pods = async (): Promise<number> =>
      (await podsOf('platxa', 'serving.knative.dev/service=change-status')).length
    await expect.poll(pods, PATIENCE).toBe(0)
    const data = { name: 'replied', revision: 2, status: 'suspended', reason: 'a test' }
    expect((await publish('io.platxa.instance.status.changed.v1', 'replied', data)).status).toBe(202)
    await observer.heard(({ type, subject }) => /\.status\.applied\./.test(type) && subject === 'instances/replied')
    await expect.poll(pods, PATIENCE).toBe(0)
  })

  it('gives the dead letters what a function refuses, and they say so where the instance is', async () => {
    const data = { name: 'replied', revision: 'not a number' }
    expect((await publish('io.platxa.instance.tier.changed.v1', 'replied', data)).status).toBe(202)
    const kubernetes = await cluster()
    const notes = async (): Promise<readonly string[]> => {
      const found: string[] = []
      const kind = { apiVersion: 'v1', kind: 'Event', namespace: namespaceOf('replied') }
      for await (const { reason, message } of kubernetes.list<Event>(kind, { signal: signal() })) {
        if (reason === 'DeadLetter') found.push(message ?? '')
      }
      return found
    }
    await expect.poll(notes, PATIENCE).toEqual([expect.stringContaining('io.platxa.instance.tier.changed.v1')])
  })

  it('lets the clock tick: scan-idle is asked every minute', async () => {
    await observer.heard(({ type }) => type === 'dev.knative.sources.ping')
    await expect.poll(async () => (await podsOf('platxa', 'serving.knative.dev/service=scan-idle')).length).toBe(1)
  })

  it('tries again while PostgreSQL is away, until the instance is there', async () => {
    const name = 'patient'
    const back = fetch(`${inject('restarter')}/postgres?away=${AWAY_MS}`, { method: 'POST' })
    const data = { name, revision: 1, ownerId: 'u-1', tier: 'free', odooVersion: '19', hosts: [hostOf(name)] }
    expect((await publish('io.platxa.instance.requested.v1', name, data)).status).toBe(202)
    expect((await back).status).toBe(204)
    await observer.heard(({ type, subject }) => /\.provisioned\./.test(type) && subject === `instances/${name}`)
    const said = await outcomes('provision', name)
    expect(said.at(-1)).toBe('reply')
    expect(said.slice(0, -1)).toContainEqual(expect.stringMatching(/^(retry|failed)$/))
  })
})
