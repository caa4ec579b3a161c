// A real Kubernetes control plane as plain processes: etcd, API server, controller manager, scheduler. No root needed.
import { mkdir, readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  argsOf,
  bracketed,
  COMPONENTS,
  type Component,
  etcdUrl,
  kubeconfigPath,
  type Probe,
  readiness,
  type Setup,
} from './components.ts'
import { replaceFile, writeConfigs } from './configs.ts'
import { ensurePki, type NodeIdentity, type Pki } from './pki.ts'
import { freePorts } from './ports.ts'
import { endStale, run, type Running } from './processes.ts'

/** Paths of the four programs; `obtain.ts` finds, downloads or builds them. */
export type Binaries = Readonly<Record<Component, string>>

const READY_LIMIT_MS = 90_000
const READY_POLL_MS = 50
const PROBE_LIMIT_MS = 2_000
const START_ATTEMPTS = 3
export const SERVICE_RANGE = '10.96.0.0/16'
const FIRST_SERVICE_ADDRESS = '10.96.0.1' // of the Service `kubernetes`

export interface StartOptions {
  readonly binaries: Binaries
  /** Keeps etcd's data, keys, logs and the chosen ports; a later start on it goes on where this one stopped. */
  readonly dataDir: string
  /** Address of the API server, 127.0.0.1 unless told. */
  readonly host?: string
  /** All four unless told; tests that need no controllers leave the last two out. */
  readonly components?: readonly Component[]
  /** False for throw-away clusters: faster, but a power cut loses data. */
  readonly durable?: boolean
  /** A real node that is to join, at the address `host`. */
  readonly node?: Omit<NodeIdentity, 'address'>
  readonly signal: AbortSignal
  readonly progress?: (line: string) => void
  /** A component ended that nobody asked to end. */
  readonly onDeath?: (error: Error) => void
}

export interface ControlPlane {
  /** Path of a kubeconfig with all rights. */
  readonly kubeconfig: string
  readonly url: string
  readonly host: string
  readonly port: number
  readonly caFile: string
  readonly etcdUrl: string
  readonly pki: Pki
  readonly pids: Readonly<Partial<Record<Component, number>>>
  stop(): Promise<void>
}

export async function startControlPlane(options: StartOptions): Promise<ControlPlane> {
  const { dataDir, signal, progress } = options
  await mkdir(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  const stale = await endStale(processNotes(dataDir))
  if (stale.length > 0) progress?.(`ended what an earlier run left behind: ${stale.join(', ')}`)
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await startOnce(options, attempt > 1)
    } catch (error) {
      // between our look at a port and the component's own bind, somebody else may have taken it
      const portTaken = error instanceof ComponentFailed && /address already in use/.test(error.log)
      if (!portTaken || attempt === START_ATTEMPTS) throw error
    }
  }
}

async function startOnce(options: StartOptions, newPorts: boolean): Promise<ControlPlane> {
  const { dataDir, host = '127.0.0.1', components = COMPONENTS, durable = true, node } = options
  const ports = await choosePorts(dataDir, host, newPorts)
  const addresses = [...new Set([host, '127.0.0.1', FIRST_SERVICE_ADDRESS])]
  const identity = node === undefined ? undefined : { ...node, address: host }
  const pki = await ensurePki({ folder: join(dataDir, 'pki'), addresses, node: identity })
  const setup: Setup = { dataDir, host, ports, pki, serviceRange: SERVICE_RANGE, durable, node: node !== undefined }
  const url = `https://${bracketed(host)}:${ports['kube-apiserver']}`
  await writeConfigs(setup, url)

  const running: Running[] = []
  const killAll = () => running.forEach((component) => component.kill())
  process.once('exit', killAll)
  const stop = async () => {
    // the last started ends first, so that nobody loses its server before its own end
    for (const component of running.splice(0).reverse()) await component.stop()
    process.off('exit', killAll)
  }
  try {
    for (const group of startGroups(components)) {
      await Promise.all(group.map((name) => startComponent(name, setup, options, running)))
    }
  } catch (error) {
    await stop()
    throw error
  }
  for (const component of running) void watchOver(component, running, options)
  return {
    kubeconfig: kubeconfigPath(dataDir, 'admin'),
    url,
    host,
    port: ports['kube-apiserver'],
    caFile: pki.cert('ca'),
    etcdUrl: etcdUrl(setup),
    pki,
    pids: Object.fromEntries(running.map(({ name, pid }) => [name, pid])),
    stop,
  }
}

/** The controllers need the API server, which needs etcd; the two controllers do not need each other. */
function startGroups(components: readonly Component[]): readonly (readonly Component[])[] {
  const groups: readonly Component[][] = [['etcd'], ['kube-apiserver'], ['kube-controller-manager', 'kube-scheduler']]
  return groups.map((group) => group.filter((name) => components.includes(name)))
}

export class ComponentFailed extends Error {
  override readonly name = 'ComponentFailed'
  /** Its last log lines. */
  readonly log: string

  constructor(what: string, log: string) {
    super(`${what}; its last log lines:\n${log}`)
    this.log = log
  }
}

async function startComponent(
  name: Component,
  setup: Setup,
  { binaries, signal, progress }: StartOptions,
  running: Running[],
): Promise<void> {
  const { dataDir } = setup
  const component = await run({
    name,
    binary: binaries[name],
    args: argsOf(name, setup),
    mark: dataDir,
    notes: processNotes(dataDir),
    logFile: logOf(dataDir, name),
  })
  running.push(component)
  const startedAt = Date.now()
  await ready(component, readiness(name, setup), signal)
  progress?.(`${name} is ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`)
}

async function ready(component: Running, probe: Probe, signal: AbortSignal): Promise<void> {
  let death: string | undefined
  void component.ended.then((how) => (death = how))
  const deadline = Date.now() + READY_LIMIT_MS
  let last = 'no answer'
  for (;;) {
    signal.throwIfAborted()
    last = await ask(probe).catch((error: unknown) => String(error))
    if (last === 'ready') return
    if (death !== undefined) {
      throw new ComponentFailed(`${component.name} ended at its start (${death})`, await component.lastLines(8))
    }
    if (Date.now() > deadline) {
      const what = `${component.name} is not ready after ${READY_LIMIT_MS / 1000} s (${last})`
      throw new ComponentFailed(what, await component.lastLines(8))
    }
    await sleep(READY_POLL_MS, undefined, { signal }).catch(() => undefined) // the next round throws the reason
  }
}

async function ask({ url, ca, cert, key }: Probe): Promise<string> {
  const files = await Promise.all([cert, key].map((path) => readFile(path)))
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca: await readFile(ca) }
  return await new Promise((resolve, reject) => {
    const call = request(url, {
      cert: files[0],
      key: files[1],
      ...trust,
      agent: false,
      signal: AbortSignal.timeout(PROBE_LIMIT_MS),
    })
    call.once('error', reject)
    call.once('response', (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? 'ready' : `status ${response.statusCode}`)
    })
    call.end()
  })
}

async function watchOver(component: Running, running: readonly Running[], { onDeath }: StartOptions): Promise<void> {
  const how = await component.ended
  if (!running.includes(component)) return // we asked for it
  onDeath?.(new ComponentFailed(`${component.name} ended (${how})`, await component.lastLines(8)))
}

/** Where `endStale` finds what a killed run left. */
export function processNotes(dataDir: string): string {
  return join(dataDir, 'processes')
}

function logOf(dataDir: string, component: Component): string {
  return join(dataDir, 'logs', `${component}.log`)
}

async function choosePorts(dataDir: string, host: string, anew: boolean): Promise<Setup['ports']> {
  const file = join(dataDir, 'ports.json')
  const preferred = anew ? {} : await readPorts(file)
  const ports = await freePorts(host, COMPONENTS, preferred)
  await replaceFile(file, JSON.stringify(ports))
  return ports
}

async function readPorts(file: string): Promise<Partial<Setup['ports']>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Partial<Setup['ports']>
  } catch {
    return {}
  }
}
