// A function as its own process: its real main.ts with the environment and the service account of manifests/base.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { onTestFinished, vi } from 'vitest'
import { environmentOf, type Values } from '#local/node/environment.ts'
import { isKnativeService, readKnativeService, workloadOf } from '#local/world/knative.ts'
import { duration } from '#shared/server/env.ts'
import { base, ofKind } from '#test/manifests/base.ts'
import { server, tokenOf } from './cluster.ts'
import type { PostgresWorld } from './postgres.ts'

export interface FunctionProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly metricsPort: number
  /** Of wake alone. */
  readonly controlPort: number | undefined
  readonly drainDelayMs: number
  /** What the kubelet would grant it after SIGTERM. */
  readonly graceMs: number
  /** Its log so far, one line of JSON each. */
  readonly lines: readonly string[]
  /** All it wrote to stderr, when it has ended. */
  readonly stderr: Promise<string>
  /** Exit code and signal. */
  readonly exited: Promise<unknown[]>
}

export interface Surroundings {
  readonly postgres: PostgresWorld
  readonly brokerUrl: string
  /** Instead of what the manifests say. */
  readonly env?: Values
  /** Who ends it; the test when left out. */
  readonly whenDone?: (end: () => void | Promise<void>) => void
}

const HOST = '127.0.0.1'

/** Listening, on ports that the system chose. Killed with the test when it is still there. */
export async function startFunction(name: string, surroundings: Surroundings): Promise<FunctionProcess> {
  const pod = podOf(name)
  const { whenDone = onTestFinished } = surroundings
  const env = { ...environment(pod, surroundings), ...surroundings.env, ...(await connection(pod, whenDone)) }
  const main = fileURLToPath(new URL(`../../functions/${name}/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  whenDone(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => void lines.push(line))
  const [stderr, exited] = [text(child.stderr), once(child, 'exit')]
  const listening = (): string | undefined => lines.find((line) => line.includes('"message":"listening"'))
  // Not with `expect`: a hook may start one too.
  await vi.waitUntil(() => listening() !== undefined || child.exitCode !== null, { timeout: 120_000 })
  const said = JSON.parse(listening() ?? '{}') as Ports & { ports?: Ports }
  const { port, controlPort, metricsPort } = said.ports ?? said
  if (port === undefined || metricsPort === undefined)
    throw new Error(`${name} does not listen: ${lines.join('\n')}${await stderr}`)
  const graceMs = (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000
  const drainDelayMs = duration.parse(env['DRAIN_DELAY'])
  return { child, port, controlPort, metricsPort, drainDelayMs, graceMs, lines, stderr, exited }
}

interface Ports {
  readonly port?: number
  readonly controlPort?: number
  readonly metricsPort?: number
}

function podOf(name: string): Pod {
  const found = base.find(({ kind, metadata, spec }) => metadata.name === name && kind !== 'Trigger' && hasPods(spec))
  if (found === undefined) throw new Error(`manifests/base does not run ${name}`)
  const { namespace } = found.metadata
  const workload = isKnativeService(found) ? workloadOf(readKnativeService(found))[0] : (found as unknown as Deployment)
  const { metadata, spec } = workload.spec?.template ?? {}
  return { metadata: { ...metadata, name: `${name}-0`, namespace: namespace ?? '' }, ...(spec && { spec }) }
}

function hasPods(spec: unknown): boolean {
  return typeof spec === 'object' && spec !== null && 'template' in spec
}

/** As the manifests say, but with the servers of this test run and ports that are free. */
function environment(pod: Pod, { postgres, brokerUrl }: Surroundings): Values {
  const [container] = pod.spec?.containers ?? []
  if (container === undefined) throw new Error(`${pod.metadata?.name} has no container`)
  const { host, port, user, password } = postgres.admin.settings
  const configMaps = ofKind('ConfigMap').filter(({ metadata }) => metadata.namespace === pod.metadata?.namespace)
  const sources = {
    configMaps: new Map(configMaps.map(({ metadata, data }) => [metadata.name, data as Values])),
    secrets: new Map([['platxa-postgres', { PGUSER: user, PGPASSWORD: password }]]),
  }
  const place = { podIP: HOST, hostIP: HOST, nodeName: 'test' }
  const said = environmentOf(container, pod, place, sources)
  const here: Values = { PGHOST: host, PGPORT: String(port), PGSSLMODE: 'disable', BROKER_URL: brokerUrl }
  const changed = Object.keys(said).map((key) => {
    if (/^(PORT|CONTROL_PORT|METRICS_PORT)$/.test(key)) return [key, '0']
    return [key, here[key] ?? said[key]]
  })
  return { ...Object.fromEntries(changed), HOST }
}

/** What Kubernetes mounts into every pod, and the two variables it sets. */
async function connection(
  { metadata, spec }: Pod,
  whenDone: (end: () => void | Promise<void>) => void,
): Promise<Values> {
  const folder = await mkdtemp(join(tmpdir(), 'platxa-service-account-'))
  whenDone(() => rm(folder, { recursive: true, force: true }))
  const { server: url, ca } = await server()
  const namespace = metadata?.namespace ?? ''
  const files = { token: await tokenOf(namespace, spec?.serviceAccountName ?? 'default'), 'ca.crt': ca, namespace }
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content)
  const { hostname, port } = new URL(url)
  return {
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    SERVICE_ACCOUNT_DIR: folder,
  }
}
