// The story of the local world once more, on a real node: pods are containers of our own image.
import { Agent } from 'node:https'

import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

import { namespaceOf } from '#shared/instance/names.ts'

import {
  everyReplicaKnows,
  hostOf,
  html,
  instanceDeployment,
  newInstance,
  PATIENCE,
  podsOf,
  putToSleep,
  trusted,
  visit,
} from './world.ts'

const name = 'story'
const host = hostOf(name)
const replicas = async (): Promise<number | undefined> => (await instanceDeployment(name))?.spec?.replicas

describe('an instance on a real cluster', () => {
  beforeAll(() => newInstance(name))

  it('is reached through Traefik, its ExternalName and wake', async () => {
    const { status, body } = await visit(host, '/web/login', { headers: html })
    expect(status).toBe(200)
    expect(body).toContain('name="login"')
  })

  it('is unknown by another host', async () => {
    expect((await visit(hostOf('nobody'))).status).toBe(404)
  })

  it('sleeps when nobody uses it: no replica, and in the end no pod', async () => {
    await putToSleep(name)
    await expect.poll(async () => (await podsOf(namespaceOf(name))).length, PATIENCE).toBe(0)
  })

  it('shows a person a loading page while it wakes, then its own page', async () => {
    const first = await visit(host, '/web/login', { headers: html })
    expect(first.status).toBe(503)
    expect(first.headers['retry-after']).toBeDefined()
    expect(first.headers['cache-control']).toContain('no-store')
    expect(first.body).toContain(host)
    await expect.poll(async () => (await visit(host, '/web/login', { headers: html })).status, PATIENCE).toBe(200)
    expect(await replicas()).toBe(1)
  })

  it('holds what an API client asks of it asleep, body and all, and answers it', async () => {
    await putToSleep(name)
    const body = 'x'.repeat(300_000)
    const answer = await visit(host, '/standin/echo?a=1', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({ method: 'POST', path: '/standin/echo?a=1', bytes: body.length })
    expect(await replicas()).toBe(1)
  })

  describe('with an open tab', () => {
    let tab: WebSocket
    const closed: number[] = []

    beforeAll(async () => {
      await everyReplicaKnows(host)
      const headers = { host, origin: `https://${host}` }
      const agent = new Agent({ ca: trusted(), servername: host })
      tab = new WebSocket(`wss://${inject('frontDoor')}/websocket`, { headers, agent })
      tab.on('close', (code) => closed.push(code))
      await new Promise((resolve, reject) => tab.once('open', resolve).once('error', reject))
    })
    afterAll(() => tab.terminate())

    it('talks through all of them to the instance', async () => {
      const pong = new Promise((resolve) => tab.once('pong', resolve))
      tab.ping()
      await pong
    })

    it('sleeps all the same, and the tab keeps its WebSocket', async () => {
      await putToSleep(name)
      await expect.poll(async () => (await podsOf(namespaceOf(name))).length, PATIENCE).toBe(0)
      expect(closed).toEqual([])
      expect(tab.readyState).toBe(WebSocket.OPEN)
    })
  })
})
