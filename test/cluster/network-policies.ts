// Who reaches whom, row by row, as the policies of an instance and of our own parts say. Everything named here listens and
// answers somebody, which the rows marked open show: blocked means that a policy stands in between.
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'

import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

import { INTERNET_ADDRESS, METADATA_ADDRESS, NODE_ADDRESS } from '#local/cluster/network.ts'
import { labelKeys, namespaceOf } from '#shared/instance/names.ts'

import { ask, cluster, endPod, newInstance, podsOf, probePod, putToSleep, serviceAddress, wakePods } from './world.ts'

type Place = 'tenant-a' | 'elsewhere' | 'sleep'
type Target =
  | "tenant B's Odoo"
  | 'the API server'
  | 'the API server at the node'
  | 'the metadata address'
  | 'PostgreSQL'
  | 'HTTPS on the internet'
  | 'HTTP on the internet'
  | 'port 8080 of wake'
  | 'port 8081 of wake'

const OPEN = 'open'
const BLOCKED = 'blocked'
/** So long nothing is heard of a blocked way. */
const SILENCE_MS = 6000

const ROWS: readonly (readonly [Place, Target, typeof OPEN | typeof BLOCKED])[] = [
  ['tenant-a', "tenant B's Odoo", BLOCKED],
  ['tenant-a', 'the API server', BLOCKED],
  ['tenant-a', 'the API server at the node', BLOCKED],
  ['tenant-a', 'the metadata address', BLOCKED],
  ['tenant-a', 'PostgreSQL', OPEN],
  ['tenant-a', 'HTTPS on the internet', OPEN],
  ['tenant-a', 'HTTP on the internet', BLOCKED],
  ['tenant-a', 'port 8080 of wake', BLOCKED],
  ['tenant-a', 'port 8081 of wake', BLOCKED],
  ['elsewhere', "tenant B's Odoo", BLOCKED],
  ['elsewhere', 'the API server', OPEN],
  ['elsewhere', 'the API server at the node', OPEN],
  ['elsewhere', 'the metadata address', OPEN],
  ['elsewhere', 'PostgreSQL', OPEN],
  ['elsewhere', 'HTTPS on the internet', OPEN],
  ['elsewhere', 'HTTP on the internet', OPEN],
  ['elsewhere', 'port 8080 of wake', BLOCKED],
  ['elsewhere', 'port 8081 of wake', BLOCKED],
  ['sleep', 'port 8080 of wake', BLOCKED],
  ['sleep', 'port 8081 of wake', OPEN],
  ['sleep', "tenant B's Odoo", BLOCKED],
]

const places = [
  ['tenant-a', { namespace: namespaceOf('tenant-a'), name: 'look', labels: { [labelKeys.instance]: 'tenant-a' } }],
  ['elsewhere', { namespace: 'elsewhere', name: 'look' }],
  ['sleep', { namespace: 'platxa', name: 'look', labels: { 'serving.knative.dev/service': 'sleep' } }],
] as const

describe('network policies', () => {
  const listening: Server[] = []
  const probes = new Map<Place, string>()
  const targets = new Map<Target, readonly [string, number]>()
  const seen = new Map<string, unknown>()

  beforeAll(async () => {
    for (const [host, port] of [
      [METADATA_ADDRESS, 80],
      [INTERNET_ADDRESS, 443],
      [INTERNET_ADDRESS, 80],
    ] as const) {
      const server = createServer((socket) => socket.end())
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
      listening.push(server)
    }
    await Promise.all([newInstance('tenant-a'), newInstance('tenant-b')])
    await putToSleep('tenant-a') // its quota has no room for a second pod
    const kubernetes = await cluster()
    const own = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } }
    await kubernetes.apply(own, { fieldManager: 'test', signal: AbortSignal.timeout(60_000) })
    await Promise.all(places.map(async ([place, pod]) => probes.set(place, await probePod(pod))))
    const [odoo] = await podsOf(namespaceOf('tenant-b'))
    const [wake] = await wakePods()
    const entries: readonly (readonly [Target, string, number])[] = [
      ["tenant B's Odoo", odoo?.status?.podIP ?? '', 8069],
      ['the API server', await serviceAddress('default', 'kubernetes'), 443],
      ['the API server at the node', NODE_ADDRESS, await apiPort()],
      ['the metadata address', METADATA_ADDRESS, 80],
      ['PostgreSQL', NODE_ADDRESS, await postgresPort()],
      ['HTTPS on the internet', INTERNET_ADDRESS, 443],
      ['HTTP on the internet', INTERNET_ADDRESS, 80],
      ['port 8080 of wake', wake?.status?.podIP ?? '', 8080],
      ['port 8081 of wake', wake?.status?.podIP ?? '', 8081],
    ]
    for (const [name, host, port] of entries) targets.set(name, [host, port])
    // all at once, because silence takes its time
    await Promise.all(ROWS.map(async ([place, target]) => seen.set(`${place} ${target}`, await look(place, target))))
  })

  async function look(place: Place, target: Target): Promise<unknown> {
    const [host = '', port = 0] = targets.get(target) ?? []
    const query = new URLSearchParams({ host, port: String(port), limit: String(SILENCE_MS) }).toString()
    const answer = await ask(probes.get(place) ?? '', `/reach?${query}`, { port: 8080 })
    return JSON.parse(answer.body)
  }
  afterAll(async () => {
    listening.forEach((server) => server.close())
    // one of them bears a function's label, and would be given its events
    await Promise.all(places.map(([, { namespace, name }]) => endPod(namespace, name)))
  })

  it.each(ROWS)('from %s to %s: %s', (place, target, wanted) => {
    expect(seen.get(`${place} ${target}`)).toBe(wanted)
  })
})

async function apiPort(): Promise<number> {
  const config = JSON.parse(await readFile(inject('clusterKubeconfig'), 'utf8')) as {
    clusters: { cluster: { server: string } }[]
  }
  return Number(new URL(config.clusters[0]?.cluster.server ?? '').port)
}

async function postgresPort(): Promise<number> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'platxa', name: 'platxa-functions' }
  const found = await (await cluster()).get<ConfigMap>(ref, { signal: AbortSignal.timeout(60_000) })
  return Number(found?.data?.['PGPORT'])
}
