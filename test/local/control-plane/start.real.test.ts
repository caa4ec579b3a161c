// The four real programs, as `npm start` and the tests of this house run them.
import { spawn } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'

import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'

import { commandOf } from '#local/control-plane/processes.ts'
import { type ControlPlane, startControlPlane, type StartOptions } from '#local/control-plane/start.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'
import { makeRunFolder, type RunFolder } from '#test/world/run-folder.ts'

const { signal } = new AbortController()
const fieldManager = 'test'

let folder: RunFolder
let running: ControlPlane
let kubernetes: Kubernetes

async function start(options: Partial<StartOptions> = {}): Promise<ControlPlane> {
  const binaries = inject('controlPlaneBinaries')
  return await startControlPlane({ binaries, dataDir: folder.controlPlane, durable: false, signal, ...options })
}

async function folderOfItsOwn(): Promise<string> {
  const own = await makeRunFolder()
  onTestFinished(() => own.remove())
  return own.controlPlane
}

const alive = (pids: ControlPlane['pids']) => Object.values(pids).filter((pid) => commandOf(pid))

beforeAll(async () => {
  folder = await makeRunFolder()
  running = await start()
  kubernetes = await connect({ kubeconfig: running.kubeconfig })
})
afterAll(async () => {
  await kubernetes.close()
  await running.stop()
  await folder.remove()
})

describe('a running control plane', () => {
  it('is all four programs, none of which needs more than loopback', async () => {
    expect(alive(running.pids)).toHaveLength(4)
    expect(running.url).toBe(`https://127.0.0.1:${running.port}`)
    const ports = JSON.parse(await readFile(join(folder.controlPlane, 'ports.json'), 'utf8')) as Record<string, number>
    const open = await listeningAddresses(Object.values(running.pids))
    expect(new Set(open.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']))
    expect(open.map(({ port }) => port)).toEqual(expect.arrayContaining(Object.values(ports)))
  })

  it('answers nobody without credentials', async () => {
    const ca = await readFile(running.caFile)
    const ask = (url: string, tls: object) =>
      new Promise((resolve, reject) => {
        request(url, { ...tls, agent: false }, (answer) => resolve(answer.resume().statusCode))
          .once('error', reject)
          .end()
      })
    expect(await ask(`${running.url}/api/v1/namespaces`, { ca })).toBe(401)
    await expect(ask(`${running.etcdUrl}/health`, { rejectUnauthorized: false })).rejects.toThrow(
      /alert|ECONNRESET|hang up/,
    )
    const { pki } = running
    const admin = { cert: await readFile(pki.cert('admin')), key: await readFile(pki.key('admin')) }
    await expect(ask(`${running.etcdUrl}/health`, { rejectUnauthorized: false, ...admin })).rejects.toThrow(
      /alert|ECONNRESET|hang up/,
    )
  })

  it('makes pods of a Deployment and places them', async () => {
    await makeNode('speedy')
    await makeDeployment('quick', 'node', 'speedy')
    await kubernetes.scale({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'quick' }, 1, {
      signal,
    })
    await expect.poll(() => podsOnNodes('quick'), { timeout: 60_000, interval: 20 }).toBe(1)
  })

  it('enforces admission policies', async () => {
    const apiVersion = 'admissionregistration.k8s.io/v1'
    const metadata = { name: 'no-nodeports' }
    const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['services'] }]
    const policy = {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: { resourceRules: rules },
        validations: [{ expression: 'object.spec.type != "NodePort"', message: 'no node ports here' }],
      },
    }
    const spec = { policyName: 'no-nodeports', validationActions: ['Deny'] }
    await kubernetes.apply(policy, { fieldManager, signal })
    await kubernetes.apply(
      { apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata, spec },
      { fieldManager, signal },
    )
    const create = (name: string) => {
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: { type: 'NodePort', ports: [{ port: 80 }] },
      }
      return kubernetes.create(service, { signal }).then(() => 'created', String)
    }
    let nth = 0
    await expect.poll(() => create(`np-${nth++}`), { timeout: 20_000, interval: 200 }).toContain('no node ports here')
  })

  it('cleans up after a namespace that is deleted', async () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short-lived' } }
    await kubernetes.create(namespace, { signal })
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'short-lived' }
    await kubernetes.delete(ref, { signal })
    await expect.poll(() => kubernetes.get(ref, { signal }), { timeout: 30_000 }).toBeUndefined()
  })

  it('refuses a second start on the same data', async () => {
    await expect(start()).rejects.toThrow(`is in use by process ${process.pid}`)
  })
})

describe('the next start on the same data', () => {
  it('has the same objects, the same address, and believes the same tokens', async () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept', namespace: 'default' } }
    await kubernetes.apply(configMap, { fieldManager, signal })
    const before = { ...running }
    await running.stop()
    expect(alive(before.pids)).toEqual([])
    running = await start()
    expect(running.url).toBe(before.url)
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'kept' }
    expect(await kubernetes.get(ref, { signal })).toMatchObject({ metadata: { name: 'kept' } })
  })

  it('takes another port when somebody has taken ours', async () => {
    const { port } = running
    await running.stop()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    running = await start()
    expect(running.port).not.toBe(port)
    await kubernetes.close()
    kubernetes = await connect({ kubeconfig: running.kubeconfig })
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'default' }
    expect(await kubernetes.get(ref, { signal })).toBeDefined()
  })

  it('ends what a killed run left behind', async () => {
    const dataDir = await folderOfItsOwn()
    const components = ['etcd', 'kube-apiserver']
    const options = { binaries: inject('controlPlaneBinaries'), dataDir, durable: false, components }
    const module = join(import.meta.dirname, '../../../local/control-plane/start.ts')
    const script = `import { startControlPlane } from ${JSON.stringify(module)}
const { pids } = await startControlPlane({ ...${JSON.stringify(options)}, signal: new AbortController().signal })
console.log(JSON.stringify(pids))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids = await new Promise<ControlPlane['pids']>((resolve) =>
      child.stdout.once('data', (text: Buffer) => resolve(JSON.parse(text.toString()) as ControlPlane['pids'])),
    )
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    expect(alive(pids)).toHaveLength(2)
    const lines: string[] = []
    const next = await start({ dataDir, components: ['etcd', 'kube-apiserver'], progress: (line) => lines.push(line) })
    onTestFinished(() => next.stop())
    expect(alive(pids)).toEqual([])
    expect(lines[0]).toMatch(/^ended what an earlier run left behind: .*etcd/)
  })
})

describe('a component that dies', () => {
  async function broken(text: string): Promise<StartOptions['binaries']> {
    const binary = join(await folderOfItsOwn(), '..', 'broken')
    await writeFile(binary, `#!/bin/sh\n${text}\n`)
    await chmod(binary, 0o755)
    return { ...inject('controlPlaneBinaries'), 'kube-apiserver': binary }
  }

  it('at its start is an error with its last words, and nothing stays', async () => {
    const binaries = await broken('echo "the certificate is upside down" >&2; exit 7')
    const dataDir = await folderOfItsOwn()
    await expect(start({ binaries, dataDir })).rejects.toThrow(
      /kube-apiserver ended at its start \(exit code 7\); .*\nthe certificate is upside down$/,
    )
    const again = await start({ dataDir, components: ['etcd'] })
    await again.stop()
  })

  it('later is told to whoever started it', async () => {
    const dataDir = await folderOfItsOwn()
    const deaths: string[] = []
    const onDeath = (error: Error) => void deaths.push(error.message)
    const own = await start({ dataDir, components: ['etcd'], onDeath })
    onTestFinished(() => own.stop())
    process.kill(own.pids.etcd ?? 0, 'SIGKILL')
    await expect.poll(() => deaths.length).toBe(1)
    expect(deaths[0]).toMatch(/^etcd ended \(SIGKILL\); its last log lines:/)
  })

  it('because we stopped it is no death', async () => {
    const deaths: Error[] = []
    const own = await start({ dataDir: await folderOfItsOwn(), components: ['etcd'], onDeath: (e) => deaths.push(e) })
    await own.stop()
    await own.stop()
    expect(deaths).toEqual([])
  })
})

it('ends everything when it is told to stop in the middle of its start', async () => {
  const dataDir = await folderOfItsOwn()
  const ending = new AbortController()
  const reason = new Error('Ctrl-C')
  const progress = (line: string) => {
    if (line.startsWith('etcd is ready')) setTimeout(() => ending.abort(reason), 100)
  }
  await expect(start({ dataDir, signal: ending.signal, progress })).rejects.toThrow('Ctrl-C')
  const again = await start({ dataDir, components: ['etcd'] })
  await again.stop()
})

async function makeNode(name: string): Promise<void> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { node: name } } }
  await kubernetes.create(node, { signal })
  const capacity = { cpu: '4', memory: '8Gi', pods: '110' }
  const condition = { type: 'Ready', status: 'True', reason: 'Test', lastHeartbeatTime: new Date().toISOString() }
  const status = { capacity, allocatable: capacity, conditions: [condition] }
  const ref = { apiVersion: 'v1', kind: 'Node', name }
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal })
}

async function makeDeployment(name: string, label: string, value: string): Promise<void> {
  const template = {
    metadata: { labels: { app: name } },
    spec: {
      nodeSelector: { [label]: value },
      tolerations: [{ operator: 'Exists' }],
      containers: [{ name: 'c', image: 'none.local/c' }],
    },
  }
  const deployment: Manifest & { spec: object } = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: { replicas: 0, selector: { matchLabels: { app: name } }, template },
  }
  await kubernetes.create(deployment, { signal })
}

async function podsOnNodes(app: string): Promise<number> {
  let placed = 0
  const kind = { apiVersion: 'v1', kind: 'Pod', namespace: 'default' }
  for await (const pod of kubernetes.list<Pod>(kind, { labelSelector: `app=${app}`, signal })) {
    if (pod.spec?.nodeName !== undefined) placed++
  }
  return placed
}

interface Listener {
  readonly host: string
  readonly port: number
}

/** From the kernel's own table; elsewhere than on Linux there is nothing to compare. */
async function listeningAddresses(pids: readonly (number | undefined)[]): Promise<readonly Listener[]> {
  const sockets = new Set<string>()
  const { readdir, readlink } = await import('node:fs/promises')
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode !== undefined) sockets.add(inode)
    }
  }
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')))
  return tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      if (state !== '0A' || !sockets.has(inode)) return []
      const [address = '', port = ''] = local.split(':')
      const host = address.length === 8 ? Buffer.from(address, 'hex').reverse().join('.') : `[${address}]`
      return [{ host, port: Number.parseInt(port, 16) }]
    }),
  )
}
