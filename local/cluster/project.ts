// The project on the node: manifests/base as it is, the functions as pods of our own image. Knative and Traefik are not
// there: the broker of the local world takes events and delivers them to the pods, and requests go to the Service in front
// of wake. PostgreSQL is a process on the node, at an address that pods can reach.
import { join } from 'node:path'

import { serve } from '@hono/node-server'
import type { Service } from 'kubernetes-types/core/v1.js'

import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { followAddresses } from '#local/world/addresses.ts'
import { applyFunctions, applyPlain, servicesOf, split } from '#local/world/apply.ts'
import { forLaptop } from '#local/world/laptop.ts'
import { repository } from '#local/world/layout.ts'
import { type KubernetesObject, readManifests } from '#local/world/manifests.ts'
import { startPings } from '#local/world/pings.ts'
import { ensurePlatformRole, ensureStandInTemplate } from '#local/world/platform-database.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { NODE_ADDRESS, POD_RANGE } from './network.ts'
import { FUNCTIONS_IMAGE, ODOO_IMAGE } from './project-images.ts'
import { untilReady } from './ready.ts'

const BROKER_PORT = 8090
const BASE_DOMAIN = 'cluster.example'
const IDLE_TIMEOUT_MS = 15 * 60_000

export interface ProjectOf {
  readonly kubernetes: Kubernetes
  readonly folder: string
  readonly log: Log
  readonly signal: AbortSignal
}

export interface Project {
  /** Address of the Service in front of wake. */
  readonly frontDoor: string
  readonly broker: string
  restartPostgres(): Promise<void>
  endProject(): Promise<void>
}

export async function installProject({ kubernetes, folder, log, signal }: ProjectOf): Promise<Project> {
  const networks = [POD_RANGE, `${NODE_ADDRESS}/32`]
  const postgresOptions = {
    dataDir: join(folder, 'postgres'),
    host: NODE_ADDRESS,
    networks,
    durable: false,
    signal,
    log,
  }
  let postgres = await startPostgres(postgresOptions)
  const brokerUrl = `http://${NODE_ADDRESS}:${BROKER_PORT}/platxa/default`
  const laptop = {
    idleTimeout: '15m',
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    postgres,
    brokerUrl,
    baseDomain: BASE_DOMAIN,
    port: 80,
    pooler: false,
  }
  const objects = forLaptop(await readManifests(join(repository, 'manifests', 'base')), laptop).map(asOnThisNode)
  const parts = split(objects, () => true)
  await applyPlain(parts, kubernetes, signal)
  const admin = await ensurePlatformRole({ kubernetes, adminUrl: postgres.adminUrl, signal })
  await applyFunctions(parts, kubernetes, signal)
  await ensureStandInTemplate(admin, '19', signal)
  const onFault = (error: unknown): void => log.error({ error: String(error) }, 'addresses')
  const addresses = await followAddresses({ kubernetes, services: servicesOf(parts), signal, onFault })
  const broker = createBroker({ ...parts, resolve: (to, namespace) => addresses.resolve(to, namespace) })
  const server = serve({ fetch: ingress(broker).fetch, hostname: NODE_ADDRESS, port: BROKER_PORT })
  const pings = new AsyncDisposableStack()
  startPings(parts, broker, pings)
  await Promise.all(['platxa', 'traefik-system'].map((namespace) => untilReady(kubernetes, namespace, signal)))
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'traefik-system', name: 'waking-service' }
  const door = await kubernetes.get<Service>(ref, { signal })
  return {
    frontDoor: door?.spec?.clusterIP ?? '',
    broker: brokerUrl,
    restartPostgres: async () => {
      await postgres.stop()
      postgres = await startPostgres(postgresOptions)
    },
    endProject: async () => {
      server.close()
      await pings.disposeAsync()
      await postgres.stop()
    },
  }
}

/** kube-proxy hears of a pod's end later than the local front door; and a node that shares its cores may be slow. */
const PATIENT: Readonly<Record<string, string>> = {
  DRAIN_DELAY: '3s',
  CONTROL_TIMEOUT: '10s',
  FENCE_TTL: '45s',
  HOLD_TIMEOUT: '200s',
}

/** With images that this node has. */
function asOnThisNode(object: KubernetesObject): KubernetesObject {
  return JSON.parse(JSON.stringify(object), (key, value: unknown) => {
    if (key === 'image' && value === 'platxa-functions') return FUNCTIONS_IMAGE
    if (key === 'ODOO_IMAGE') return ODOO_IMAGE.replace('19', '{version}')
    return PATIENT[key] ?? value
  }) as KubernetesObject
}
