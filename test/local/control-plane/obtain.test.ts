import { spawn } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { COMPONENTS } from '#local/control-plane/components.ts'
import { downloadAll } from '#local/control-plane/download.ts'
import { NoControlPlane, obtainControlPlane, type ObtainOptions } from '#local/control-plane/obtain.ts'
import { compareVersions, readPinned } from '#local/control-plane/pinned.ts'

import { putGo, putPrograms, releaseSite, temporaryFolder } from './releases.ts'

const { signal } = new AbortController()
const NOWHERE = { kubernetes: 'http://127.0.0.1:1', etcd: 'http://127.0.0.1:1' }
const hasReleases = process.platform === 'linux' && process.arch === 'x64'

/** A machine that has nothing: no Go, no programs, an empty cache. */
async function bareMachine() {
  const home = await temporaryFolder()
  const told: string[] = []
  const environment: Record<string, string> = { XDG_CACHE_HOME: join(home, 'cache'), PATH: join(home, 'bin') }
  const options = {
    environment,
    signal,
    origins: NOWHERE,
    go: join(home, 'no-go'),
    progress: (detail: string) => void told.push(detail),
  } satisfies ObtainOptions
  return { home, told, options, environment }
}

describe('programs that are there', () => {
  it('in KUBEBUILDER_ASSETS are taken first', async () => {
    const { home, options, environment } = await bareMachine()
    await putPrograms(join(home, 'bin'))
    await putPrograms(join(home, 'assets'), {
      'kube-apiserver': '1.33.0',
      'kube-controller-manager': '1.33.2',
      'kube-scheduler': '1.33.0',
    })
    environment['KUBEBUILDER_ASSETS'] = join(home, 'assets')
    expect((await obtainControlPlane(options))['kube-apiserver']).toBe(join(home, 'assets', 'kube-apiserver'))
  })

  it('on the PATH are taken, wherever each of them is', async () => {
    const { home, options, environment } = await bareMachine()
    await putPrograms(join(home, 'a'), {}, ['etcd'])
    await putPrograms(join(home, 'b'), {}, ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    environment['PATH'] = `${join(home, 'a')}:${join(home, 'b')}`
    const { etcd, 'kube-scheduler': scheduler } = await obtainControlPlane(options)
    expect([etcd, scheduler]).toEqual([join(home, 'a', 'etcd'), join(home, 'b', 'kube-scheduler')])
  })

  it.each([
    ['one is missing', {}, ['etcd', 'kube-apiserver'] as const, 'no kube-controller-manager, kube-scheduler'],
    ['one is too old', { 'kube-scheduler': '1.32.9' }, COMPONENTS, 'Kubernetes 1.32.9 is older than 1.33'],
    ['they do not fit together', { 'kube-apiserver': '1.36.0' }, COMPONENTS, 'different versions: 1.36.0, 1.35.4'],
    ['one does not run', { etcd: '"; exit 3; "' }, COMPONENTS, 'Command failed'],
    ['one is something else', { etcd: 'what?' }, COMPONENTS, 'etcd does not say its version'],
  ])('are passed over, and that is said, when %s', async (_, versions, names, words) => {
    const { home, options, environment } = await bareMachine()
    await putPrograms(join(home, 'assets'), versions, names)
    environment['KUBEBUILDER_ASSETS'] = join(home, 'assets')
    await expect(obtainControlPlane(options)).rejects.toThrow(words)
  })
})

describe.runIf(hasReleases)('official releases', () => {
  it('are downloaded once and then kept', async () => {
    const { options, told } = await bareMachine()
    const { origins, requests } = await releaseSite()
    const first = await obtainControlPlane({ ...options, origins })
    for (const name of COMPONENTS) expect((await stat(first[name])).mode & 0o111).toBe(0o111)
    expect(told).toContainEqual(expect.stringMatching(/^kube-apiserver 1\.35\.4: downloading, \d+ of \d+ MB$/))
    const asked = requests.length
    expect(await obtainControlPlane({ ...options, origins })).toEqual(first)
    expect(requests).toHaveLength(asked)
  })

  it('are downloaded by one of two runs that start together', async () => {
    const { options } = await bareMachine()
    const { origins, requests } = await releaseSite()
    const [a, b] = await Promise.all([1, 2].map(() => obtainControlPlane({ ...options, origins })))
    expect(a).toEqual(b)
    expect(requests.filter((path) => path.endsWith('/kube-scheduler'))).toHaveLength(1)
  })

  it('are downloaded although a killed run left its lock and half a download', async () => {
    const { options, environment } = await bareMachine()
    const { origins } = await releaseSite()
    const { hash } = await readPinned()
    const folder = join(environment['XDG_CACHE_HOME'] ?? '', 'platxa-functions', 'control-plane')
    await putPrograms(`${folder}/${hash}.new-killed`, {}, ['etcd'])
    const dead = spawn('true')
    await new Promise((resolve) => dead.once('exit', resolve))
    await writeFile(join(folder, `${hash}.lock`), JSON.stringify({ pid: dead.pid, command: 'node local/start.ts' }))
    await obtainControlPlane({ ...options, origins })
    expect(await readdir(folder)).toEqual([hash])
    expect((await readdir(join(folder, hash))).sort((a, b) => a.localeCompare(b))).toEqual(
      [...COMPONENTS].sort((a, b) => a.localeCompare(b)),
    )
  })

  it.each([
    ['a changed program', /kube-scheduler$/, (body: Buffer) => Buffer.concat([body, Buffer.from('#')]), 'has checksum'],
    ['a changed tarball', /tar\.gz$/, (body: Buffer) => body.subarray(1), 'has checksum'],
    ['a program that ends too early', /kube-apiserver$/, () => 'cut' as const, /aborted|terminated|closed|other side/],
    ['no checksum', /apiserver\.sha256$/, () => 'missing' as const, 'apiserver.sha256: status 404'],
    ['a checksum that is a web page', /sha256$/, () => Buffer.from('<html>'), 'no checksum is published'],
    ['a list of checksums without ours', /SHA256SUMS/, () => Buffer.from('abc  other.tar.gz'), 'etcd: no checksum'],
  ])('are refused with %s, and nothing of them stays', async (_, path, change, words) => {
    const { options, environment } = await bareMachine()
    const site = await releaseSite()
    site.serve(path, change)
    await expect(obtainControlPlane({ ...options, origins: site.origins })).rejects.toThrow(words)
    expect(await readdir(join(environment['XDG_CACHE_HOME'] ?? '', 'platxa-functions', 'control-plane'))).toEqual([])
  })

  it('that never answer are given up within seconds', async () => {
    const { options } = await bareMachine()
    const site = await releaseSite()
    site.serve(/./, () => 'silence')
    const startedAt = Date.now()
    await expect(obtainControlPlane({ ...options, origins: site.origins })).rejects.toThrow('no answer within')
    expect(Date.now() - startedAt).toBeLessThan(60_000)
  }, 90_000)
})

it('says for which machines there are no official programs', async () => {
  const folder = await temporaryFolder()
  const machine = { platform: 'darwin', arch: 'arm64', folder, origins: NOWHERE, tell: () => undefined, signal }
  await expect(downloadAll(await readPinned(), machine)).rejects.toThrow('no official server programs for darwin arm64')
})

describe('without internet', () => {
  it('Go builds them once, with the version linked in', async () => {
    const { home, options, told } = await bareMachine()
    const { go, calls } = await putGo(join(home, 'go'), '1.26.8')
    const first = await obtainControlPlane({ ...options, go })
    expect(await obtainControlPlane({ ...options, go })).toEqual(first)
    const called = await readFile(calls, 'utf8')
    expect(called.match(/install/g)).toHaveLength(1)
    expect(called).toMatch(/^0 install -v -trimpath -ldflags=-s -w -X .*gitVersion=v1\.35\.4 .* tool$/m)
    expect(told).toContainEqual(expect.stringMatching(/^building etcd.*: 2 of 3 packages compiled/))
  })

  it.each([
    ['is too old', '1.24.3', '', 'Go 1.24.3 is older than 1.25'],
    ['fails', '1.26.8', 'echo "no space left on device" >&2; exit 2', 'no space left on device'],
    ['builds something that does not run', '1.26.8', 'touch "$GOBIN/server"', 'kube-apiserver'],
  ])('Go that %s is said', async (_, version, build, words) => {
    const { home, options } = await bareMachine()
    const { go } = await putGo(join(home, 'go'), version, build)
    await expect(obtainControlPlane({ ...options, go })).rejects.toThrow(words)
  })

  it('and without Go, one message says what was tried and what to install', async () => {
    const { options } = await bareMachine()
    const error: unknown = await obtainControlPlane(options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NoControlPlane)
    const message = error instanceof Error ? error.message : ''
    expect(message).toMatch(/^ {2}- PATH: no etcd, kube-apiserver, kube-controller-manager, kube-scheduler$/m)
    expect(message).toMatch(/^ {2}- download: .*ECONNREFUSED/m)
    expect(message).toMatch(/^ {2}- build: Go is not installed$/m)
    expect(message).toMatch(/install Go 1\.25 or newer/)
  })
})

it('stops at once when it is told to', async () => {
  const { home, options } = await bareMachine()
  const { go } = await putGo(join(home, 'go'), '1.26.8', 'sleep 60')
  const ending = new AbortController()
  const reason = new Error('Ctrl-C')
  const progress = (detail: string) => {
    if (detail.includes('2 of 3')) ending.abort(reason)
  }
  await expect(obtainControlPlane({ ...options, go, progress, signal: ending.signal })).rejects.toBe(reason)
})

it.each([
  ['1.33', '1.33.0', 0],
  ['1.33.9', '1.34', -1],
  ['1.100.0', '1.35.4', 1],
  ['2', '1.99', 1],
])('compares version %s with %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign)
})
