// The local world as a person starts it, in a folder and on a port of its own: it never meets one that is in use.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Secret } from 'kubernetes-types/core/v1.js'
import { repository } from '#local/world/layout.ts'
import { worldFile, type WorldFile } from '#local/world/running.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface Ran {
  readonly code: number
  readonly output: string
  readonly seconds: number
}

export interface LocalWorld extends AsyncDisposable {
  readonly port: number
  readonly folder: string
  /** `npm start -- --detach …` */
  start(...options: readonly string[]): Promise<Ran>
  /** `npm stop` */
  stop(): Promise<Ran>
  /** `npm run template -- …` */
  template(...options: readonly string[]): Promise<Ran>
  file(): Promise<WorldFile>
  /** As its owner; closed with the world. */
  kubernetes(): Promise<Kubernetes>
  /** Processes of this machine that know the folder or run for it. */
  processes(): Promise<readonly string[]>
}

/** `env` goes to the world, and so to its instances: STANDIN_START_SECONDS and the like. */
export async function localWorld(env: Readonly<Record<string, string>> = {}): Promise<LocalWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'platxa-world-'))
  const port = await freePort()
  const run = (script: string, ...args: readonly string[]): Promise<Ran> =>
    runScript(script, args, { ...process.env, ...env, PLATXA_STATE_DIR: folder })
  let kubernetes: Promise<Kubernetes> | undefined
  const forget = async (): Promise<void> => {
    await (await kubernetes)?.close()
    kubernetes = undefined
  }
  const file = async (): Promise<WorldFile> =>
    worldFile.parse(JSON.parse(await readFile(join(folder, 'world.json'), 'utf8')))
  return {
    port,
    folder,
    start: (...options) => run('local/start.ts', '--detach', '--port', String(port), ...options),
    stop: async () => {
      await forget()
      return run('local/stop.ts')
    },
    template: (...options) => run('local/template/main.ts', ...options),
    file,
    kubernetes: async () => (kubernetes ??= connect({ kubeconfig: (await file()).kubeconfig })),
    processes: () => processesOf(folder),
    async [Symbol.asyncDispose]() {
      await forget()
      await run('local/stop.ts')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Through the same door as a person's own command. */
function runScript(script: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const startedAt = performance.now()
  return new Promise((done) => {
    const child = spawn(process.execPath, ['local/bootstrap.mjs', script, ...args], { cwd: repository, env })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('close', (code) => done({ code: code ?? 1, output, seconds: (performance.now() - startedAt) / 1000 }))
  })
}

/** Its neighbour must be free too: the broker lives there. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    if ((await isFree(port)) && (await isFree(port + 1))) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}

/** By command line, by working directory or by an open file. */
async function processesOf(folder: string): Promise<readonly string[]> {
  if (process.platform !== 'linux') return byCommand(folder)
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (command !== '' && [command, environment, cwd].some((text) => text.includes(folder)))
      found.push(`${pid} ${command}`)
  }
  return found
}

function byCommand(folder: string): Promise<readonly string[]> {
  return new Promise((done) => {
    execFile('ps', ['-axww', '-o', 'pid=,command='], (_, text) => {
      done(text.split('\n').filter((line) => line.includes(folder)))
    })
  })
}

export async function replicasOf(kubernetes: Kubernetes, name: string): Promise<number | undefined> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: `instance-${name}`, name: `odoo-${name}` }
  const found = await kubernetes.get<Deployment>(ref, { signal: AbortSignal.timeout(10_000) })
  return found?.spec?.replicas === 0 && (found.status?.replicas ?? 0) === 0 ? 0 : found?.spec?.replicas
}

export async function adminOf(kubernetes: Kubernetes, name: string): Promise<{ login: string; password: string }> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: `instance-${name}`, name: 'odoo-secrets' }
  const { data = {} } = (await kubernetes.get<Secret>(ref, { signal: AbortSignal.timeout(10_000) })) ?? {}
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString()
  return { login: text('ADMIN_LOGIN'), password: text('ADMIN_PASSWORD') }
}
