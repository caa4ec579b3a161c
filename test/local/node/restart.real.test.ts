// The end of a node, in order or not, and the next one on the same state: no process is left, every pod runs again.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'

import { StateInUse } from '#local/node/notes.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'

import { isAlive } from './alive.ts'
import { ask, createPod, eventually, isReady, script, server, type TestNode, testNode, until } from './world.ts'

let stateDir: string
let name: string
const children: ChildProcess[] = []
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'node-'))
  name = `node-${Math.random().toString(36).slice(2, 10)}`
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  const kubernetes = await cluster()
  const { signal } = new AbortController()
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name }, { signal })
  await kubernetes.delete({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name }, { signal })
  await rm(stateDir, { recursive: true, force: true })
})

const placed = (): Pick<TestNode, 'placement'> => ({
  placement: {
    nodeSelector: { 'kubernetes.io/hostname': name },
    tolerations: [{ key: 'test', operator: 'Exists' }],
    terminationGracePeriodSeconds: 5,
  },
})

async function nodeProcess(): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('./node-process.ts', import.meta.url))
  const child = spawn(process.execPath, [file, inject('kubeconfig'), stateDir, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await new Promise((done) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()).includes('ready') && done(undefined))
  })
  return child
}

const pidIn = async (pod: Pod): Promise<number> => Number(await eventually(() => ask(pod)))

describe('a node that is killed', () => {
  it('leaves no process: not the one that obeys SIGTERM, not the one that does not, not their children', async () => {
    const namespace = await testNamespace()
    const child = await nodeProcess()
    const stubborn = `process.on('SIGTERM', () => {})
      const { pid } = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'])
      require('node:http').createServer((request, response) => response.end(process.pid + ' ' + pid)).listen(8080, process.env.HOST)`
    const pods = await Promise.all([
      createPod(placed(), namespace, {}, { ...server('process.pid') }),
      createPod(placed(), await testNamespace(), {}, script(stubborn)),
    ])
    const ready = await Promise.all(pods.map((pod) => until(pod, isReady)))
    const pids = (await Promise.all(ready.map((pod) => eventually(() => ask(pod))))).join(' ').split(' ').map(Number)
    expect(pids).toHaveLength(3)
    child.kill('SIGKILL')
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]))
  })

  it('is followed by one that runs its pods again, with one more restart and a true status in between', async () => {
    const namespace = await testNamespace()
    const child = await nodeProcess()
    const kept = await until(await createPod(placed(), namespace, {}, server('process.pid')), isReady)
    const once = await createPod(placed(), await testNamespace(), { restartPolicy: 'Never' }, server('process.pid'))
    const runsOnce = await until(once, isReady)
    const before = await pidIn(kept)
    await pidIn(runsOnce)
    child.kill('SIGKILL')
    await eventually(() => expect(isAlive(before)).toBe(false))

    await nodeProcess()
    const again = await until(kept, (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1)
    expect(await pidIn(again)).not.toBe(before)
    expect(again.metadata?.uid).toBe(kept.metadata?.uid)
    const failed = await until(once, ({ status }) => status?.phase === 'Failed')
    expect(failed.status?.reason).toBe('NodeRestarted')
  })
})

describe('a node that is stopped', () => {
  it('ends its processes and leaves the pods to the next one', async () => {
    const namespace = await testNamespace()
    const child = await nodeProcess()
    const pod = await until(await createPod(placed(), namespace, {}, server('process.pid')), isReady)
    const pid = await pidIn(pod)
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(isAlive(pid)).toBe(false)

    await nodeProcess()
    const again = await until(pod, (now) => isReady(now) && now.status?.containerStatuses?.[0]?.restartCount === 1)
    expect(again.status?.phase).toBe('Running')
    expect(await pidIn(again)).not.toBe(pid)
  })

  it('may not be started twice on the same state', async () => {
    await nodeProcess()
    await expect(testNode({ stateDir, nodeName: name })).rejects.toThrow(StateInUse)
  })
})

describe('two nodes on one machine', () => {
  it('have different blocks of addresses', async () => {
    const [one, other] = await Promise.all([testNode(), testNode()])
    expect(one.node.addressBlock).not.toBe(other.node.addressBlock)
    await Promise.all([one.end(), other.end()])
  })
})
