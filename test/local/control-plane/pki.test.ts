import { createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import { ensurePki, type Pki } from '#local/control-plane/pki.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const addresses = ['127.0.0.1', '10.96.0.1']
const REFUSED = /alert|hang up|ECONNRESET|EPIPE/
let folder: string

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'pki-'))
  folder = join(parent, 'pki')
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
})

const certOf = async (pki: Pki, name: string) => new X509Certificate(await readFile(pki.cert(name)))
const serial = async (pki: Pki) => (await certOf(pki, 'apiserver')).serialNumber

describe('certificates', () => {
  it.each([
    ['apiserver', 'ca', 'CN=kube-apiserver'],
    ['admin', 'ca', 'O=system:masters\nCN=admin'],
    ['kube-controller-manager', 'ca', 'CN=system:kube-controller-manager'],
    ['kube-scheduler', 'ca', 'CN=system:kube-scheduler'],
    ['etcd', 'etcd-ca', 'CN=etcd'],
    ['etcd-client', 'etcd-ca', 'CN=kube-apiserver'],
  ])('%s is signed by %s for %s', async (name, authority, subject) => {
    const pki = await ensurePki({ folder, addresses })
    const [cert, ca] = [await certOf(pki, name), await certOf(pki, authority)]
    expect(cert.verify(ca.publicKey)).toBe(true)
    expect(cert.subject).toBe(subject)
    expect(cert.ca).toBe(false)
  })

  it('open no etcd when they are signed by the authority of the cluster', async () => {
    const pki = await ensurePki({ folder, addresses })
    expect((await certOf(pki, 'admin')).verify((await certOf(pki, 'etcd-ca')).publicKey)).toBe(false)
  })

  it('of the API server name every address and name it is dialled by', async () => {
    const cert = await certOf(await ensurePki({ folder, addresses }), 'apiserver')
    for (const address of addresses) expect(cert.checkIP(address)).toBe(address)
    for (const name of ['localhost', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']) {
      expect(cert.checkHost(name)).toBe(name)
    }
    expect(cert.checkIP('127.0.0.2')).toBeUndefined()
  })

  it('are believed in a real handshake, each in its own direction', async () => {
    const pki = await ensurePki({ folder, addresses })
    const read = (path: string) => readFile(path, 'utf8')
    const ca = await read(pki.cert('ca'))
    const server = createServer(
      { ca, cert: await read(pki.cert('apiserver')), key: await read(pki.key('apiserver')), requestCert: true },
      (_, response) => response.end('hello'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const call = async (cert: string) => {
      const tls = { ca, cert: await read(pki.cert(cert)), key: await read(pki.key(cert)), agent: false }
      return await new Promise((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port: address.port, ...tls }, (answer) => resolve(answer.statusCode))
        call.once('error', reject).end()
      })
    }
    await expect(call('admin')).resolves.toBe(200)
    await expect(call('etcd-client')).rejects.toThrow(REFUSED)
    await expect(call('apiserver')).rejects.toThrow(REFUSED) // it may serve, not ask
  })

  it('are readable by their owner alone', async () => {
    await ensurePki({ folder, addresses })
    for (const file of await readdir(folder)) {
      const { mode } = await stat(join(folder, file))
      expect([file, mode & 0o077]).toEqual([file, 0])
    }
    expect((await stat(folder)).mode & 0o077).toBe(0)
  })

  it('hold the key pair that service account tokens are signed with', async () => {
    const pki = await ensurePki({ folder, addresses })
    const [own, published] = [pki.serviceAccountKey, pki.serviceAccountPublicKey].map((path) => readFile(path, 'utf8'))
    const derived = createPublicKey((await own) ?? '').export({ type: 'spki', format: 'pem' })
    expect(derived).toBe(await published)
  })
})

describe('the next start', () => {
  it('takes them as they are', async () => {
    const first = await serial(await ensurePki({ folder, addresses }))
    expect(await serial(await ensurePki({ folder, addresses }))).toBe(first)
  })

  it.each([
    ['an address is new', async () => ({ folder, addresses: [...addresses, '127.0.0.7'] })],
    ['their end is near', async () => ({ folder, addresses, now: new Date(Date.now() + 3630 * DAY_MS) })],
    [
      'a file is missing',
      async () => {
        await rm(join(folder, 'kube-scheduler.key'))
        return { folder, addresses }
      },
    ],
  ])('makes them anew when %s, and keeps tokens valid', async (_, change) => {
    const pki = await ensurePki({ folder, addresses })
    const before = await serial(pki)
    const signer = await readFile(pki.serviceAccountKey, 'utf8')
    const renewed = await ensurePki(await change())
    expect(await serial(renewed)).not.toBe(before)
    expect(await readFile(renewed.serviceAccountKey, 'utf8')).toBe(signer)
  })
})
