import { createPrivateKey, sign } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { ServiceAccount } from 'kubernetes-types/core/v1.js'
import { describe, expect, inject, it, onTestFinished } from 'vitest'

import { connect, type ConnectOptions } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { allow, cluster, server, testNamespace, tokenOf } from '#test/world/cluster.ts'
import { startTcpProxy } from '#test/world/tcp-proxy.ts'

import { follow, write } from './follower.ts'

const RULES = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }]

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A pod's mounted service account, and the connection that a program in this pod gets. */
async function mounted(
  namespace: string,
  token: string,
  { address, limits }: { address?: { host: string; port: number }; limits?: ConnectOptions['limits'] } = {},
) {
  const folder = await temporaryFolder()
  const { server: url, ca } = await server()
  await writeFile(join(folder, 'ca.crt'), ca)
  const rotate = (next: string) => writeFile(join(folder, 'token'), `${next}\n`)
  await rotate(token)
  const { hostname, port } = new URL(url)
  const environment = {
    KUBERNETES_SERVICE_HOST: address?.host ?? hostname,
    KUBERNETES_SERVICE_PORT: String(address?.port ?? port),
    SERVICE_ACCOUNT_DIR: folder,
  }
  const kubernetes = await connect({ environment, limits })
  onTestFinished(() => kubernetes.close())
  return { kubernetes, rotate, folder, read: () => readAbsent(kubernetes, namespace) }
}

async function readAbsent(kubernetes: Kubernetes, namespace: string): Promise<unknown> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'absent' }
  return await kubernetes.get(ref, { signal: AbortSignal.timeout(10_000) })
}

async function reader(): Promise<{ namespace: string; token: string }> {
  const namespace = await testNamespace()
  await allow(namespace, 'reader', RULES)
  return { namespace, token: await tokenOf(namespace, 'reader') }
}

/** As the API server would have signed it. */
async function signedToken(namespace: string, name: string, expiresAt: Date): Promise<string> {
  const key = await readFile(join(dirname(inject('kubeconfig')), 'pki', 'service-account.key'), 'utf8')
  const ref = { apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }
  const account = await (await cluster()).get<ServiceAccount>(ref, { signal: AbortSignal.timeout(10_000) })
  const iss = 'https://kubernetes.default.svc.cluster.local'
  const exp = Math.floor(expiresAt.getTime() / 1000)
  const times = { iat: exp - 7_200, nbf: exp - 7_200, exp }
  const claims = {
    ...times,
    iss,
    aud: [iss],
    sub: `system:serviceaccount:${namespace}:${name}`,
    'kubernetes.io': { namespace, serviceaccount: { name, uid: account?.metadata?.uid } },
  }
  const text = [{ alg: 'ES256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(text), { key: createPrivateKey(key), dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

const anHourAgo = () => new Date(Date.now() - 3_600_000)

describe('in a cluster', () => {
  it('the mounted token and CA are enough', async () => {
    const { namespace, token } = await reader()
    const { read } = await mounted(namespace, token)
    expect(await read()).toBeUndefined()
  })

  it('a token that ran out is read again at once, also in the middle of many calls', async () => {
    const { namespace, token } = await reader()
    const { read, rotate } = await mounted(namespace, await signedToken(namespace, 'reader', anHourAgo()))
    await expect(read()).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' })
    await rotate(token)
    expect(await Promise.all(Array.from({ length: 20 }, read))).toEqual(Array.from({ length: 20 }, () => undefined))
  })

  it('a refused token is not in the message', async () => {
    const namespace = await testNamespace()
    const { read } = await mounted(namespace, 'not-a-token-at-all')
    const error: unknown = await read().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 401 })
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('not-a-token')
  })

  it('a token file that is missing or empty for a moment does no harm', async () => {
    const { namespace, token } = await reader()
    const { read, rotate, folder } = await mounted(namespace, token, { limits: { identityMs: 0 } })
    await rotate('')
    expect(await read()).toBeUndefined()
    await rm(join(folder, 'token'))
    expect(await read()).toBeUndefined()
  })

  it('a new token is taken before the old one is refused', async () => {
    const { namespace, token } = await reader()
    const { read, rotate } = await mounted(namespace, token, { limits: { identityMs: 0 } })
    await rotate('nonsense')
    await expect(read()).rejects.toMatchObject({ status: 401 })
  })

  it('a watch that has to begin anew does so with the new token', async () => {
    const { namespace, token } = await reader()
    const { hostname, port } = new URL((await server()).server)
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    onTestFinished(() => proxy.close())
    // the API server lets a token live for a minute after its end
    const shortLived = await signedToken(namespace, 'reader', new Date(Date.now() - 60_000 + 4_000))
    const { kubernetes, rotate } = await mounted(namespace, shortLived, {
      address: { host: '127.0.0.1', port: proxy.port },
    })
    const follower = follow(kubernetes, namespace)
    await expect.poll(() => follower.syncs).toBe(1)
    // the API server remembers for ten seconds that a token was good
    await expect
      .poll(
        () => {
          proxy.cut()
          return follower.faults.map(({ error }) => error.status)
        },
        { timeout: 40_000, interval: 500 },
      )
      .toContain(401)
    await rotate(token)
    await write(await cluster(), namespace, 'after', '1')
    await expect.poll(() => follower.copy.has('after'), { timeout: 10_000 }).toBe(true)
  })

  it('a missing mount is said at the start, with its path', async () => {
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', SERVICE_ACCOUNT_DIR: '/nowhere/serviceaccount' }
    await expect(connect({ environment })).rejects.toThrow('/nowhere/serviceaccount/')
  })

  it('a server with another CA is not believed', async () => {
    const { namespace, token } = await reader()
    const { server: url } = await server()
    const otherCa = await readFile(join(dirname(inject('kubeconfig')), 'pki', 'etcd-ca.crt'), 'utf8')
    const kubernetes = await connect({ server: url, ca: otherCa, token })
    onTestFinished(() => kubernetes.close())
    await expect(readAbsent(kubernetes, namespace)).rejects.toMatchObject({ status: 0, reason: 'Unreachable' })
  })
})

describe('outside a cluster', () => {
  it('an exec plugin is asked for a token when there is none or it was refused, and not else', async () => {
    const { namespace, token } = await reader()
    const folder = await temporaryFolder()
    const { server: url, ca } = await server()
    const file = (name: string) => join(folder, name)
    const [plugin, answer, runs, kubeconfig] = [file('plugin'), file('answer.json'), file('runs'), file('kubeconfig')]
    await writeFile(plugin, `#!/bin/sh\necho ran >> '${runs}'\ncat '${answer}'\n`)
    await chmod(plugin, 0o755)
    const apiVersion = 'client.authentication.k8s.io/v1'
    const say = (next: string) =>
      writeFile(answer, JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: next } }))
    const exec = { apiVersion, command: plugin, interactiveMode: 'Never' }
    const config = {
      clusters: [
        { name: 'c', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
      ],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }
    await writeFile(kubeconfig, JSON.stringify(config))
    await say('old')
    const kubernetes = await connect({ kubeconfig, limits: { identityMs: 0 } })
    onTestFinished(() => kubernetes.close())
    await expect(readAbsent(kubernetes, namespace)).rejects.toMatchObject({ status: 401 })
    await say(token)
    for (let i = 0; i < 5; i++) expect(await readAbsent(kubernetes, namespace)).toBeUndefined()
    // at the start, after each of the two refusals, and never for a token that is still good
    expect(await readFile(runs, 'utf8')).toBe('ran\n'.repeat(3))
  })

  it('a kubeconfig that is not there is named', async () => {
    await expect(connect({ kubeconfig: '/nowhere/kubeconfig' })).rejects.toThrow('/nowhere/kubeconfig')
  })
})
