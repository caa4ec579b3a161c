// A node that runs pods as plain processes of this machine, each pod on a loopback address of its own. To the control
// plane it is a node like any other. What it does not do: isolate anything, enforce resources, users or network
// policies, run `exec` probes and hooks, pull images.
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import type { Taint } from 'kubernetes-types/core/v1.js'

import { connect } from '#shared/k8s/connect.ts'
import { kubeconfigIdentity } from '#shared/k8s/kubeconfig.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { type AddressBlock, claimBlock } from './addresses.ts'
import { Agent } from './agent.ts'
import { type BackOffLimits, kubeletBackOff } from './backoff.ts'
import { replaceFile } from './files.ts'
import type { Images } from './images.ts'
import { type Keeper, startKeeper } from './keeper.ts'
import { claimState } from './notes.ts'
import { Launcher } from './process.ts'
import { createStorageClass, provisionVolumes } from './provisioner.ts'
import { keepRegistered, register } from './registration.ts'

export interface NodeOptions {
  /** Path of a kubeconfig that may do all that a kubelet may, and create tokens and volumes. */
  readonly kubeconfig: string
  /** Keeps logs, volumes and notes of running processes; one node at a time. */
  readonly stateDir: string
  readonly images: Images
  /** `127.77.4`: this block of addresses if it is free; unless told the one of last time, else any. */
  readonly addressBlock?: string
  readonly nodeName?: string
  readonly taints?: readonly Taint[]
  readonly storageClass?: { readonly name: string; readonly isDefault: boolean }
  readonly backOff?: BackOffLimits
  /** Aborting it is the same as `stop`. */
  readonly signal: AbortSignal
  readonly log: Log
}

export interface LocalNode {
  readonly name: string
  /** First three numbers of all its pods' addresses. */
  readonly addressBlock: string
  /** Ends all pods, each with its own grace but at most this; their objects stay for the next start. */
  stop(options?: { readonly graceMs?: number }): Promise<void>
}

const STOP_GRACE_MS = 20_000

export async function startNode(options: NodeOptions): Promise<LocalNode> {
  const { kubeconfig, signal, log, nodeName = 'local' } = options
  signal.throwIfAborted()
  const stateDir = resolve(options.stateDir)
  await mkdir(stateDir, { recursive: true })
  const notes = await claimState(stateDir)
  const addresses = await claimAddresses(stateDir, options.addressBlock)
  const keeper = startKeeper()
  const kubernetes = await connect({ kubeconfig })
  const ending = new AbortController()
  const parts = { options, stateDir, nodeName, addresses, kubernetes, signal: ending.signal }
  const agent = new Agent({
    nodeName,
    hostIP: addresses.node,
    apiServer: await apiServerOf(kubeconfig),
    kubernetes,
    launcher: new Launcher(keeper, notes),
    images: options.images,
    backOff: options.backOff ?? kubeletBackOff,
    log,
    addresses,
    podsDir: join(stateDir, 'pods'),
  })
  const stop = once(async (graceMs: number) => {
    await agent.stop(graceMs)
    ending.abort()
    await close({ keeper, addresses, kubernetes })
  })
  try {
    await begin(parts, agent)
  } catch (error) {
    await stop(0)
    throw error
  }
  const report = (error: unknown): void => log.error({ error }, 'the node could not stop in order')
  signal.addEventListener('abort', () => void stop(STOP_GRACE_MS).catch(report), { once: true })
  log.info({ node: nodeName, addressBlock: addresses.block, stateDir }, 'the node is ready')
  return {
    name: nodeName,
    addressBlock: addresses.block,
    stop: ({ graceMs = STOP_GRACE_MS } = {}) => stop(graceMs),
  }
}

interface Parts {
  readonly options: NodeOptions
  readonly stateDir: string
  readonly nodeName: string
  readonly addresses: AddressBlock
  readonly kubernetes: Kubernetes
  readonly signal: AbortSignal
}

/** Registers, then takes pods and claims until the signal. */
async function begin(
  { options, stateDir, nodeName, addresses, kubernetes, signal }: Parts,
  agent: Agent,
): Promise<void> {
  const { log, taints = [], storageClass = { name: 'standard', isDefault: true } } = options
  const registration = { name: nodeName, address: addresses.node, taints, kubernetes, log }
  const storage = {
    className: storageClass.name,
    isDefault: storageClass.isDefault,
    nodeName,
    volumesDir: join(stateDir, 'volumes'),
    kubernetes,
    log,
  }
  const starting = AbortSignal.any([signal, options.signal])
  await Promise.all([register(registration, starting), createStorageClass(storage, starting)])
  const report = (what: string) => (error: unknown) => {
    if (!signal.aborted) log.error({ error }, `${what} ended`)
  }
  void keepRegistered(registration, signal).catch(report('the heartbeat'))
  void provisionVolumes(storage, signal).catch(report('the volume provisioner'))
  void agent.follow(signal).catch(report('the watch of pods'))
}

/** The same block as last time keeps addresses in logs and in people's heads alike. */
async function claimAddresses(stateDir: string, wanted: string | undefined): Promise<AddressBlock> {
  const file = join(stateDir, 'address-block')
  const last = await readFile(file, 'utf8').catch(() => undefined)
  const block = await claimBlock(wanted ?? last)
  await replaceFile(file, block.block, 0o644)
  return block
}

async function apiServerOf(kubeconfig: string): Promise<{ host: string; port: string }> {
  const { hostname, port } = new URL((await kubeconfigIdentity(kubeconfig)(false)).server)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port || '443' }
}

interface Closable {
  readonly keeper: Keeper
  readonly addresses: AddressBlock
  readonly kubernetes: Kubernetes
}

async function close({ keeper, addresses, kubernetes }: Closable): Promise<void> {
  await Promise.all([keeper.close(), addresses.close(), kubernetes.close()])
}

function once(work: (graceMs: number) => Promise<void>): (graceMs: number) => Promise<void> {
  let running: Promise<void> | undefined
  return (graceMs) => (running ??= work(graceMs))
}
