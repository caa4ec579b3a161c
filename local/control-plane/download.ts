// The official releases, each file held against its published checksum.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

import { type Dispatcher, EnvHttpProxyAgent, interceptors } from 'undici'

import { type Component, COMPONENTS } from './components.ts'
import type { Pinned } from './pinned.ts'

/** Where releases are published. Tests name their own. */
export interface Origins {
  readonly kubernetes: string
  readonly etcd: string
}

export const OFFICIAL: Origins = {
  kubernetes: 'https://dl.k8s.io/release',
  etcd: 'https://github.com/etcd-io/etcd/releases/download',
}

/** A machine without internet must come to the next source soon. */
const CONNECT_LIMIT_MS = 4_000
const HEAD_LIMIT_MS = 8_000
const SILENCE_LIMIT_MS = 15_000
const MOST_REDIRECTS = 5
const CHECKSUM_LIMIT_BYTES = 64 * 1024

export interface DownloadOptions {
  readonly origins: Origins
  readonly platform: string
  readonly arch: string
  readonly folder: string
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
}

export async function downloadAll(pinned: Pinned, options: DownloadOptions): Promise<void> {
  const { platform, arch } = options
  const goArch = { x64: 'amd64', arm64: 'arm64' }[arch]
  if (platform !== 'linux' || goArch === undefined) {
    throw new Error(`there are no official server programs for ${platform} ${arch}`)
  }
  const network = openNetwork()
  try {
    // the checksums first: they are small, so a machine without internet is recognised before anything is written
    const wanted = []
    for (const name of COMPONENTS) {
      options.tell(`${name}: asking for its checksum`)
      wanted.push(await describe(name, pinned, goArch, network, options))
    }
    for (const file of wanted) await downloadOne(file, network, options)
  } finally {
    await network.destroy()
  }
}

interface Wanted {
  readonly name: Component
  readonly version: string
  readonly url: string
  readonly sha256: string
  /** Path in the tarball, when it comes in one. */
  readonly member?: string
}

async function describe(
  name: Component,
  pinned: Pinned,
  arch: string,
  network: Dispatcher,
  { origins, signal }: DownloadOptions,
): Promise<Wanted> {
  if (name !== 'etcd') {
    const url = `${origins.kubernetes}/v${pinned.kubernetes}/bin/linux/${arch}/${name}`
    const sha256 = checksumIn(await readText(`${url}.sha256`, network, signal), name)
    return { name, version: pinned.kubernetes, url, sha256 }
  }
  const release = `${origins.etcd}/v${pinned.etcd}`
  const title = `etcd-v${pinned.etcd}-linux-${arch}`
  const line = (await readText(`${release}/SHA256SUMS`, network, signal))
    .split('\n')
    .find((text) => text.trim().endsWith(` ${title}.tar.gz`))
  const sha256 = checksumIn(line ?? '', name)
  return { name, version: pinned.etcd, url: `${release}/${title}.tar.gz`, sha256, member: `${title}/etcd` }
}

function checksumIn(text: string, name: string): string {
  const found = /^[0-9a-f]{64}\b/.exec(text.trim().toLowerCase())?.[0]
  if (found === undefined) throw new Error(`${name}: no checksum is published where it should be`)
  return found
}

async function downloadOne(
  wanted: Wanted,
  network: Dispatcher,
  { folder, tell, signal }: DownloadOptions,
): Promise<void> {
  const { name, version, url, sha256, member } = wanted
  const path = join(folder, member === undefined ? name : `${name}.tar.gz`)
  const response = await get(url, network, signal)
  const total = Number(response.headers['content-length'] ?? 0)
  const hash = createHash('sha256')
  let bytes = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      hash.update(chunk)
      tell(`${name} ${version}: downloading, ${megabytes(bytes)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`)
      done(null, chunk)
    },
  })
  await pipeline(Readable.from(response.body), count, createWriteStream(path), { signal })
  const got = hash.digest('hex')
  if (got !== sha256) throw new Error(`${name}: ${url} has checksum ${got}, published is ${sha256}`)
  if (member !== undefined) {
    tell(`${name} ${version}: unpacking`)
    await promisify(execFile)('tar', ['-xzf', path, '-C', folder, '--strip-components=1', member], { signal })
    await rm(path)
  }
  await chmod(join(folder, name), 0o755)
}

function openNetwork(): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_LIMIT_MS },
    headersTimeout: HEAD_LIMIT_MS,
    bodyTimeout: SILENCE_LIMIT_MS,
  })
}

async function readText(url: string, network: Dispatcher, signal: AbortSignal): Promise<string> {
  const { body } = await get(url, network, signal)
  const text = await body.text()
  if (text.length > CHECKSUM_LIMIT_BYTES) throw new Error(`${url} is too long for a list of checksums`)
  return text
}

async function get(url: string, network: Dispatcher, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url)
  // a name that no resolver answers for would take longer than the limit for connecting
  const impatient = new AbortController()
  const timer = setTimeout(() => impatient.abort(new Error(`no answer within ${HEAD_LIMIT_MS} ms`)), HEAD_LIMIT_MS)
  try {
    const response = await network.compose(interceptors.redirect({ maxRedirections: MOST_REDIRECTS })).request({
      origin,
      path: `${pathname}${search}`,
      method: 'GET',
      signal: AbortSignal.any([signal, impatient.signal]),
    })
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
    return response
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(`${url}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
