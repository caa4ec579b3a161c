// The containers of manifests/base: allowed on a stock Knative, restricted, and with the environment that their main.ts
// wants (each is started once with exactly that).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { base, ofKind, type BaseManifest } from './base.ts'

const namedRef = z.object({ name: z.string() })
const container = z.looseObject({
  image: z.string(),
  args: z.tuple([z.string()]),
  envFrom: z.array(z.union([z.strictObject({ configMapRef: namedRef }), z.strictObject({ secretRef: namedRef })])),
  env: z.array(
    z.union([
      z.strictObject({ name: z.string(), value: z.string() }),
      z.strictObject({ name: z.string(), valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.string() }) }) }),
    ]),
  ),
  ports: z.array(z.object({ containerPort: z.number() })),
})
const podSpec = z.looseObject({ serviceAccountName: z.string(), containers: z.tuple([container]) })
const workload = z.object({ template: z.looseObject({ spec: podSpec }) })

const knative = ofKind('Service', 'serving.knative.dev/')
const workloads = [...knative, ...ofKind('Deployment')].map((object) => {
  const { template } = workload.parse(object['spec'])
  return { object, name: object.metadata.name, pod: template.spec, only: template.spec.containers[0] }
})

/** The Secret is not in base: an overlay makes it with these two. */
const postgresSecret = { PGUSER: 'padmin', PGPASSWORD: 'secret' }

function environmentOf({ object, only }: (typeof workloads)[number]): Record<string, string> {
  const sources = only.envFrom.map((source) =>
    'secretRef' in source ? postgresSecret : dataOf(source.configMapRef.name, object),
  )
  const own = only.env.map((one) => [one.name, 'value' in one ? one.value : `the ${one.valueFrom.fieldRef.fieldPath}`])
  return Object.assign({}, ...sources, Object.fromEntries(own)) as Record<string, string>
}

function dataOf(name: string, { metadata: { namespace } }: BaseManifest): Record<string, string> {
  const map = ofKind('ConfigMap').find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
  return z.object({ data: z.record(z.string(), z.string()) }).parse(map).data
}

describe('workloads', () => {
  it.each(workloads)('$name runs the one image as its own service account', ({ name, object, pod, only }) => {
    expect(only.image).toBe('platxa-functions')
    expect(only.args).toEqual([name])
    expect(pod.serviceAccountName).toBe(name)
    const accounts = ofKind('ServiceAccount').filter(({ metadata }) => metadata.namespace === object.metadata.namespace)
    expect(accounts.map(({ metadata }) => metadata.name)).toContain(name)
  })

  it.each(workloads)('$name says what it may use and what it may not', ({ only, pod }) => {
    expect(only).toMatchObject({
      readinessProbe: { httpGet: { path: '/health/readiness', port: 8080 } },
      livenessProbe: { httpGet: { path: '/health/liveness', port: 8080 } },
      resources: { requests: { cpu: expect.any(String), memory: expect.any(String) } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    })
    expect({ ...(pod['securityContext'] as object), ...(only['securityContext'] as object) }).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    })
  })

  it.each(workloads.filter(({ object }) => knative.includes(object)))(
    '$name is a KService that a stock Knative takes, inside the cluster only',
    ({ object, pod, only }) => {
      expect(object.metadata.labels).toMatchObject({ 'networking.knative.dev/visibility': 'cluster-local' })
      expect(only.ports).toEqual([{ containerPort: 8080 }])
      const names = only.env.map(({ name }) => name)
      for (const reserved of ['PORT', 'K_SERVICE', 'K_CONFIGURATION', 'K_REVISION'])
        expect(names).not.toContain(reserved)
      expect(only.env.every((one) => 'value' in one)).toBe(true)
      for (const field of ['securityContext', 'affinity', 'initContainers', 'terminationGracePeriodSeconds']) {
        expect(pod).not.toHaveProperty(field)
      }
      expect(pod['timeoutSeconds']).toBeLessThanOrEqual(600)
      // queue-proxy has these.
      for (const port of ['8008', '8012', '8013', '8022', '8112', '9090', '9091']) {
        expect(environmentOf({ object, pod, only, name: '' })['METRICS_PORT']).not.toBe(port)
      }
    },
  )
})

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platxa-manifests-'))
  await Promise.all([
    writeFile(join(folder, 'token'), 'none'),
    writeFile(join(folder, 'namespace'), 'platxa'),
    writeFile(join(folder, 'ca.crt'), rootCertificates[0] ?? ''),
  ])
})
afterAll(() => rm(folder, { recursive: true }))

const started = z.looseObject({
  env: z.record(z.string(), z.unknown()).optional(),
  faults: z.array(z.string()).optional(),
})

/** Starts it with exactly this environment and gives what it says of it: the variables it reads, or its faults. */
async function startedWith(name: string, environment: Record<string, string>): Promise<z.output<typeof started>> {
  const main = fileURLToPath(new URL(`../../functions/${name}/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
    env: {
      ...environment,
      HOST: '127.0.0.1',
      PORT: '0',
      CONTROL_PORT: '0',
      METRICS_PORT: '0',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: '1',
      SERVICE_ACCOUNT_DIR: folder,
    },
  })
  const gone = once(child, 'exit')
  try {
    for await (const line of createInterface(child.stdout)) {
      const said = started.safeParse(JSON.parse(line)).data
      if (said?.env !== undefined || said?.faults !== undefined) return said
    }
    throw new Error(`${name} ended without a word about its environment`)
  } finally {
    child.kill('SIGKILL')
    await gone
  }
}

const written = workloads.filter(({ name }) => existsSync(new URL(`../../functions/${name}/main.ts`, import.meta.url)))

describe('environment', () => {
  const readBy = new Map<string, readonly string[]>()

  it.each(written)('$name starts with what the manifests give it', { timeout: 30_000 }, async (one) => {
    const said = await startedWith(one.name, environmentOf(one))
    expect(said.faults ?? []).toEqual([])
    readBy.set(one.name, Object.keys(said.env ?? {}))
  })

  it('shapes a platform', () => {
    const [any] = workloads
    const variables = platformVariables.parse(any && environmentOf(any))
    expect(platformFrom(variables)).toMatchObject({ wakeNamespace: 'traefik-system', functionsNamespace: 'platxa' })
  })

  it.each(['platxa', 'traefik-system'])('has no knob in the ConfigMap of %s that nobody reads', (namespace) => {
    const readers = workloads.filter(({ object }) => object.metadata.namespace === namespace)
    const read = new Set(readers.flatMap(({ name }) => readBy.get(name) ?? []))
    const shaping = namespace === 'platxa' ? Object.keys(platformVariables.shape) : []
    const map = base.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === namespace)
    const knobs = Object.keys(z.object({ data: z.record(z.string(), z.string()) }).parse(map).data)
    expect(knobs.filter((knob) => !read.has(knob) && !shaping.includes(knob))).toEqual([])
  })

  it('is the same in both ConfigMaps where both have it', () => {
    const [functions, door] = ofKind('ConfigMap').map(
      (map) => z.object({ data: z.record(z.string(), z.string()) }).parse(map).data,
    )
    const shared = Object.keys(functions ?? {}).filter((knob) => door !== undefined && knob in door)
    expect(shared.length).toBeGreaterThan(0)
    for (const knob of shared) expect([knob, door?.[knob]]).toEqual([knob, functions?.[knob]])
  })

  it('spells its switches so that every YAML reader takes them for text', () => {
    const maps = ofKind('ConfigMap').map((map) => z.object({ data: z.record(z.string(), z.string()) }).safeParse(map))
    expect(maps.every(({ success }) => success)).toBe(true)
  })
})
