// A release site with programs that only know their version, and machines that have or have not got things.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { onTestFinished } from 'vitest'

import { type Component, COMPONENTS } from '#local/control-plane/components.ts'
import type { Origins } from '#local/control-plane/download.ts'
import { readPinned } from '#local/control-plane/pinned.ts'

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'obtain-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A shell script in the place of the real program. */
export function programText(name: Component, version: string): string {
  return `#!/bin/sh\necho "${name === 'etcd' ? 'etcd Version: ' : 'Kubernetes v'}${version}"\n`
}

export async function putPrograms(
  folder: string,
  versions: Partial<Record<Component, string>> = {},
  names: readonly Component[] = COMPONENTS,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of names) {
    const version = versions[name] ?? (name === 'etcd' ? '3.6.8' : '1.35.4')
    await writeFile(join(folder, name), programText(name, version), { mode: 0o755 })
  }
}

/** A `go` that pretends to build; it says what it was called with in `calls`. */
export async function putGo(folder: string, version: string, build = ''): Promise<{ go: string; calls: string }> {
  await mkdir(folder, { recursive: true })
  const [go, calls, programs] = [join(folder, 'go'), join(folder, 'go-calls'), join(folder, 'built')]
  await putPrograms(programs)
  await promisify(execFile)('mv', [join(programs, 'etcd'), join(programs, 'server')])
  const script = `#!/bin/sh
PATH=/usr/bin:/bin
echo "$CGO_ENABLED $*" >> '${calls}'
case "$1" in
  env) echo go${version} ;;
  list) echo fmt; echo net/http; echo k8s.io/kubernetes/cmd/kube-apiserver ;;
  install)
    echo "go: downloading something" >&2
    echo fmt >&2; echo net/http >&2
    ${build || `cp '${programs}'/* "$GOBIN"`} ;;
esac
`
  await writeFile(go, script)
  await chmod(go, 0o755)
  return { go, calls }
}

export interface ReleaseSite {
  readonly origins: Origins
  readonly requests: readonly string[]
  /** Path → what is served there from now on. */
  serve(path: RegExp, change: (body: Buffer) => Buffer | 'silence' | 'cut' | 'missing'): void
}

export async function releaseSite(): Promise<ReleaseSite> {
  const files = await releaseFiles()
  const requests: string[] = []
  const changes: { path: RegExp; change: (body: Buffer) => Buffer | 'silence' | 'cut' | 'missing' }[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    // a release page of GitHub sends the visitor elsewhere
    if (path.startsWith('/github/')) {
      response.writeHead(302, { location: path.replace('/github/', '/stored/') }).end()
      return
    }
    const body = files.get(path)
    const changed = changes.find((each) => each.path.test(path))?.change(body ?? Buffer.alloc(0)) ?? body ?? 'missing'
    if (changed === 'silence') return
    if (changed === 'missing') response.writeHead(404).end()
    else if (changed === 'cut')
      response.writeHead(200, { 'content-length': '1000' }).write('half', () => response.destroy())
    else response.writeHead(200, { 'content-length': changed.length }).end(changed)
  })
  const origin = await listening(server)
  return {
    origins: { kubernetes: `${origin}/release`, etcd: `${origin}/github` },
    requests,
    serve: (path, change) => void changes.unshift({ path, change }),
  }
}

async function releaseFiles(): Promise<ReadonlyMap<string, Buffer>> {
  const pinned = await readPinned()
  const folder = await temporaryFolder()
  const title = `etcd-v${pinned.etcd}-linux-amd64`
  await putPrograms(join(folder, title), {}, ['etcd'])
  const tarball = join(folder, 'etcd.tar.gz')
  await promisify(execFile)('tar', ['-czf', tarball, '-C', folder, title])
  const etcd = await readFile(tarball)
  const stored = `/stored/v${pinned.etcd}`
  const sums = `${'0'.repeat(64)}  etcd-v${pinned.etcd}-linux-arm64.tar.gz\n${sha256(etcd)}  ${title}.tar.gz\n`
  const files = new Map([
    [`${stored}/${title}.tar.gz`, etcd],
    [`${stored}/SHA256SUMS`, Buffer.from(sums)],
  ])
  for (const name of COMPONENTS.filter((each) => each !== 'etcd')) {
    const path = `/release/v${pinned.kubernetes}/bin/linux/amd64/${name}`
    const program = Buffer.from(programText(name, pinned.kubernetes))
    files.set(path, program)
    files.set(`${path}.sha256`, Buffer.from(sha256(program)))
  }
  return files
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}
