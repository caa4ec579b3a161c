// Everything that `npm start` starts, in order, and its end in the opposite order.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import type { ControlPlane } from '#local/control-plane/start.ts'
import { type FrontDoor, openFrontDoor } from '#local/front-door.ts'
import type { RunningPostgres } from '#local/postgres/start.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { duration } from '#shared/server/env.ts'
import type { Log } from '#shared/server/log.ts'
import { type Addresses, followAddresses } from './addresses.ts'
import { applyFunctions, applyPlain, deploymentsOf, type Parts, servicesOf, split } from './apply.ts'
import { forLaptop, type Laptop } from './laptop.ts'
import { type Layout, repository } from './layout.ts'
import { listenOn, type Listening } from './listen.ts'
import { readManifests } from './manifests.ts'
import { runNode } from './node.ts'
import { ensureTemplate, odooOf, seedOf } from './odoo.ts'
import { openConsole } from './open-console.ts'
import type { Options } from './options.ts'
import { startPings } from './pings.ts'
import { ensurePlatformRole } from './platform-database.ts'
import type { Progress } from './progress.ts'
import { expectedOf, untilServing } from './ready.ts'
import { requestMissing } from './requests.ts'
import type { WorldFile } from './running.ts'
import { startServers } from './servers.ts'

export interface WorldDeps {
  readonly options: Options
  readonly layout: Layout
  readonly progress: Progress
  readonly log: Log
  /** Ends the start; the running world is ended by `stop`. */
  readonly signal: AbortSignal
  /** A part ended that nobody asked to end. */
  readonly onDeath: (error: Error) => void
}

export interface World {
  readonly file: WorldFile
  readonly missing: readonly string[]
  stop(): Promise<void>
}

const BASE_DOMAIN = 'localhost'
const ODOO_VERSION = '19'
const WAKE = { namespace: 'traefik-system', port: 8081, controlTimeoutMs: 1000 }
const WAKING_SERVICE = 'waking-service'
const WAKE_METRICS_PORT = 9090

export async function startWorld(deps: WorldDeps): Promise<World> {
  const stack = new AsyncDisposableStack()
  try {
    return await start(deps, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function start(deps: WorldDeps, stack: AsyncDisposableStack): Promise<World> {
  const { options, layout, progress, log, signal } = deps
  const doors: { console?: Listening; addresses?: Addresses } = {}
  // First of all, so that a taken port is told before anybody has waited for anything.
  const frontDoor = await openFrontDoor({
    port: options.port,
    console: () => doors.console,
    replicas: () => doors.addresses?.ready(WAKE.namespace, WAKING_SERVICE) ?? [],
  })
  stack.defer(() => frontDoor.close())

  const odoo = await odooOf(deps)
  const objects = await readManifests(join(repository, 'manifests/base'))
  const exists = (name: string): boolean => existsSync(join(repository, 'functions', name, 'main.ts'))
  const [controlPlane, postgres] = await startServers({ ...deps, seed: await seedOf(odoo, deps) }, stack)
  const kubernetes = await connect({ kubeconfig: controlPlane.kubeconfig })
  stack.defer(() => kubernetes.close())
  const node = runNode({ kubeconfig: controlPlane.kubeconfig, layout, log, odoo, signal })
  stack.defer(async () => (await node.catch(() => undefined))?.stop())

  const asWritten = split(objects, exists)
  const addresses = await follow(kubernetes, asWritten, stack, log)
  doors.addresses = addresses
  const broker = createBroker({ ...asWritten, resolve: (to, namespace) => addresses.resolve(to, namespace) })
  const door = await listenOn(ingress(broker), options.port + 1)
  stack.defer(() => door.close())

  const laptop: Laptop = {
    idleTimeout: options.idleTimeout,
    idleTimeoutMs: duration.parse(options.idleTimeout),
    postgres,
    brokerUrl: `http://${door.host}:${door.port}/platxa/default`,
    baseDomain: BASE_DOMAIN,
    port: frontDoor.port,
    pooler: odoo?.from === 'root',
  }
  const parts = split(forLaptop(objects, laptop), exists)
  await progress.step('applying the manifests', () => applyPlain(parts, kubernetes, signal))
  const admin = await ensurePlatformRole({ kubernetes, adminUrl: postgres.adminUrl, signal })
  await applyFunctions(parts, kubernetes, signal)
  await node
  await Promise.all([
    progress.step('waiting for the functions', (tell) =>
      untilServing(expectations(parts, addresses), kubernetes, { tell, signal }),
    ),
    ensureTemplate(admin, odoo, deps),
  ])

  doors.console = await openConsole({ wake: WAKE, odooVersion: ODOO_VERSION, kubernetes, broker, laptop, log, stack })
  startPings(parts, broker, stack)
  await progress.step('provisioning demo and shop', () =>
    requestMissing({
      kubernetes,
      publisher: createPublisher({ sink: laptop.brokerUrl, log }),
      baseDomain: BASE_DOMAIN,
      odooVersion: ODOO_VERSION,
      memory: broker.memory,
      signal,
    }),
  )
  stack.defer(() => frontDoor.close())
  return {
    file: describe({ frontDoor, laptop, controlPlane, postgres, addresses }),
    missing: parts.missing,
    stop: () => stack.disposeAsync(),
  }
}

async function follow(kubernetes: Kubernetes, parts: Parts, stack: AsyncDisposableStack, log: Log): Promise<Addresses> {
  const end = new AbortController()
  stack.defer(() => end.abort())
  return followAddresses({
    kubernetes,
    services: servicesOf(parts),
    signal: end.signal,
    onFault: (error) => log.error({ error: String(error) }, 'the watch of the addresses ended'),
  })
}

function expectations(parts: Parts, addresses: Addresses) {
  return deploymentsOf(parts).map((deployment) => {
    const { name = '', namespace = '' } = deployment.metadata ?? {}
    const service = namespace === WAKE.namespace ? WAKING_SERVICE : name
    return expectedOf(deployment, () => addresses.ready(namespace, service))
  })
}

function describe({
  frontDoor,
  laptop,
  controlPlane,
  postgres,
  addresses,
}: {
  readonly frontDoor: FrontDoor
  readonly laptop: Laptop
  readonly controlPlane: ControlPlane
  readonly postgres: RunningPostgres
  readonly addresses: Addresses
}): WorldFile {
  const replicas = addresses.ready(WAKE.namespace, WAKING_SERVICE)
  return {
    console: `http://localhost:${frontDoor.port}`,
    broker: laptop.brokerUrl,
    kubeconfig: controlPlane.kubeconfig,
    postgres: postgres.adminUrl,
    instanceUrl: `http://{name}.${BASE_DOMAIN}:${frontDoor.port}`,
    wakeMetrics: replicas.map(({ host }) => `http://${host}:${WAKE_METRICS_PORT}/metrics`),
    pids: { world: process.pid, postgres: postgres.pid, ...controlPlane.pids },
  }
}
