// The project itself on the cluster: the overlay `ci` as kustomize renders it, the platform's role in PostgreSQL, then the
// functions. PostgreSQL is a process on the node, at an address that pods can reach, as a managed one would be.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import type { Service } from 'kubernetes-types/core/v1.js'

import { startPostgres } from '#local/postgres/start.ts'
import { repository } from '#local/world/layout.ts'
import { ensurePlatformRole, ensureStandInTemplate } from '#local/world/platform-database.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { EDGE_ADDRESS, NODE_ADDRESS, POD_RANGE } from './network.ts'
import { type AnyObject, Applier, parseObjects } from './objects.ts'
import { untilReady, untilTrue } from './ready.ts'

const OVERLAY = join(repository, 'manifests', 'overlays', 'ci')
const LIMIT_MS = 240_000
/** As in the overlay. */
const POSTGRES_PORT = 5432
const LARGE = 64 * 1024 * 1024

export interface ProjectOf {
  readonly kubernetes: Kubernetes
  /** Path of the program. */
  readonly kustomize: string
  readonly edge: { readonly certificate: string; readonly key: string }
  readonly folder: string
  readonly log: Log
  readonly signal: AbortSignal
}

export interface Project {
  /** Where Traefik answers HTTPS for every host. */
  readonly frontDoor: string
  readonly broker: string
  /** Away for so long in between. */
  restartPostgres(awayMs: number): Promise<void>
  endProject(): Promise<void>
}

export async function installProject(of: ProjectOf): Promise<Project> {
  const { kubernetes, signal } = of
  const postgresOptions = {
    dataDir: join(of.folder, 'postgres'),
    host: NODE_ADDRESS,
    port: POSTGRES_PORT,
    networks: [POD_RANGE, `${NODE_ADDRESS}/32`],
    durable: false,
    signal,
    log: of.log,
  }
  let postgres = await startPostgres(postgresOptions)
  const applier = new Applier(kubernetes, signal)
  const objects = await renderOverlay(of.kustomize)
  // the functions refuse to start without their Secret, and Traefik serves the certificate from the first request on
  await applier.apply([...objects.filter((object) => !isFunction(object)), await wildcard(of.edge)])
  await giveAddress(kubernetes, signal)
  const admin = await ensurePlatformRole({ kubernetes, adminUrl: postgres.adminUrl, signal })
  await ensureStandInTemplate(admin, '19', signal)
  await applier.apply(objects.filter(isFunction))
  await untilReady(kubernetes, 'traefik-system', signal)
  await untilKnativeReady(kubernetes, objects, signal)
  return {
    frontDoor: EDGE_ADDRESS,
    broker: `http://${await brokerAddress(kubernetes, signal)}/platxa/default`,
    restartPostgres: async (awayMs) => {
      await postgres.stop()
      await sleep(awayMs)
      postgres = await startPostgres(postgresOptions)
    },
    endProject: () => postgres.stop(),
  }
}

async function renderOverlay(kustomize: string): Promise<readonly AnyObject[]> {
  const { stdout } = await promisify(execFile)(kustomize, ['build', OVERLAY], { maxBuffer: LARGE })
  return parseObjects(stdout)
}

function isFunction({ apiVersion }: AnyObject): boolean {
  return /^(serving|eventing|sources)\.knative\.dev\//.test(apiVersion)
}

async function wildcard({ certificate, key }: ProjectOf['edge']): Promise<AnyObject> {
  const stringData = { 'tls.crt': await readFile(certificate, 'utf8'), 'tls.key': await readFile(key, 'utf8') }
  const metadata = { namespace: 'traefik-system', name: 'wildcard-tls' }
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData }
}

/** What a cloud's load balancer does. */
async function giveAddress(kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'traefik-system', name: 'traefik' }
  const status = { loadBalancer: { ingress: [{ ip: EDGE_ADDRESS }] } }
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal })
}

/** The node has no cluster DNS, pods have. */
async function brokerAddress(kubernetes: Kubernetes, signal: AbortSignal): Promise<string> {
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'knative-eventing', name: 'broker-ingress' }
  return (await kubernetes.get<Service>(ref, { signal }))?.spec?.clusterIP ?? ''
}

interface Conditioned {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[]
  }
}

/** Every one of Knative's objects among these says that it is ready. */
async function untilKnativeReady(
  kubernetes: Kubernetes,
  objects: readonly AnyObject[],
  signal: AbortSignal,
): Promise<void> {
  const kinds = /^(Service|Broker|Trigger|PingSource)$/
  const wanted = objects.filter((object) => isFunction(object) && kinds.test(object.kind))
  await Promise.all(
    wanted.map(({ apiVersion, kind, metadata }) => {
      let last = ''
      const what = () => `${kind} ${metadata.name}: ${last}`
      return untilTrue(what, LIMIT_MS, signal, async () => {
        const found = await kubernetes.get<Conditioned>({ apiVersion, kind, ...metadata }, { signal })
        const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready')
        last = ready?.message ?? 'no condition Ready'
        return ready?.status === 'True'
      })
    }),
  )
}
