// Two instances, every function as the process it is, a broker with the Triggers of manifests/base, and what watches them.
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { Hono } from 'hono'
import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { brokerManifest, triggerManifest } from '#local/broker/manifest.ts'
import type { EventRecord } from '#local/broker/memory.ts'
import { listenOn } from '#local/world/listen.ts'
import { databaseOf, namespaceOf } from '#shared/instance/names.ts'
import { observeBinding, scaleBinding } from '#shared/instance/role-bindings.ts'
import { secret } from '#shared/instance/secret.ts'
import type { Manifest } from '#shared/k8s/kubernetes.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { installManifests, request } from '#test/functions/provision/world.ts'
import { startWorld, type Instance } from '#test/functions/wake/world.ts'
import { ofKind } from '#test/manifests/base.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'
import { PASSWORD, tenantOf } from '#test/shared/postgres/tenant.ts'
import { cluster } from '#test/world/cluster.ts'
import { startFunction, type FunctionProcess } from '#test/world/function-process.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { createPod } from '#test/world/wake-replica.ts'
import { IDLE_S, type Scraped } from './servers.ts'

export const functionNames = readdirSync(new URL('../../../functions/', import.meta.url))

export interface WatchedWorld {
  readonly idle: Instance
  readonly busy: Instance
  /** What asks for an instance that is not there yet; removed at the end. */
  readonly another: ReturnType<typeof request>['data']
  readonly scraped: readonly Scraped[]
  readonly brokerUrl: string
  /** What went through the broker, newest first. */
  events(): readonly EventRecord[]
  /** While it is down, every publisher gets 500. */
  brokerIsUp(up: boolean): void
  part(name: string): FunctionProcess
  stop(): Promise<void>
}

const within = (): AbortSignal => AbortSignal.timeout(60_000)

export async function startWatchedWorld(): Promise<WatchedWorld> {
  const ends: (() => void | Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    return { ...(await build((end) => void ends.push(end))), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function build(whenDone: (end: () => void | Promise<void>) => void): Promise<Omit<WatchedWorld, 'stop'>> {
  await installManifests()
  const world = await startWorld()
  whenDone(() => world.stop())
  const postgres = await sharedPostgres()
  const [idle, busy] = [
    await furnished(await world.instance(), postgres),
    await furnished(await world.instance(), postgres),
  ]
  const functions = new Map<string, FunctionProcess>()
  const { url: brokerUrl, events, brokerIsUp } = await startBroker(functions, whenDone)
  const surroundings = { postgres, brokerUrl, whenDone }
  // Nobody else's instances: other tests use the same API server.
  const ours = { DEPLOYMENT_LABEL: `app.kubernetes.io/instance in (${idle.name},${busy.name})` }
  const patient = { FENCE_TTL: '60s', CONTROL_TIMEOUT: '20s', TENANT_TIMEOUT: '20s', HOLD_TIMEOUT: '4m' }
  const wake = await startFunction('wake', { ...surroundings, env: { ...ours, ...patient } })
  functions.set('wake', wake)
  const namespace = await wakeNamespace(whenDone)
  const quick = { ...ours, ...patient, IDLE_TIMEOUT: `${IDLE_S}s`, MINIMUM_AWAKE: '1s' }
  // For those that ask the replicas; provision would let a wake of that namespace into instances, which is refused.
  const near = { ...quick, WAKE_NAMESPACE: namespace, WAKE_CONTROL_PORT: String(wake.controlPort) }
  const asking = ['sleep', 'scan-idle']
  for (const name of functionNames) {
    if (name === 'wake') continue
    functions.set(name, await startFunction(name, { ...surroundings, env: asking.includes(name) ? near : quick }))
  }
  const part = (name: string): FunctionProcess => {
    const found = functions.get(name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }
  const another = request(`w${randomBytes(5).toString('hex')}`).data
  whenDone(() => removeNamespace(namespaceOf(another.name)))
  const scraped = Array.from(functions, ([job, { metricsPort }]) => ({ job, port: metricsPort }))
  return { idle, busy, another, scraped, brokerUrl, events, brokerIsUp, part }
}

/** What sleep finds beside its Deployment, as provision would have made it: rights, the login to its database, the database. */
async function furnished(instance: Instance, postgres: PostgresWorld): Promise<Instance> {
  const { name, host } = instance
  const database = databaseOf(name)
  const tenant = await tenantOf(postgres, { database, role: database })
  await cloneDatabase(tenant)
  const [spec, platform] = [specOf({ name, hosts: [host] }), platformOf()]
  const login = secret(spec, platform, { ...secrets, password: PASSWORD })
  for (const object of [login, scaleBinding(spec, platform), observeBinding(spec, platform)])
    await (await cluster()).apply<Manifest>(object, { fieldManager: 'test', signal: within() })
  return instance
}

async function startBroker(
  functions: ReadonlyMap<string, FunctionProcess>,
  whenDone: (end: () => void | Promise<void>) => void,
): Promise<{ url: string; events: () => readonly EventRecord[]; brokerIsUp: (up: boolean) => void }> {
  const brokers = ofKind('Broker').map((one) => brokerManifest.parse(one))
  const triggers = ofKind('Trigger').map((one) => triggerManifest.parse(one))
  const broker = createBroker({
    brokers,
    triggers,
    resolve({ ref }) {
      const name = ref?.name ?? ''
      const running = functions.get(name === 'wake-events' ? 'wake' : name)
      const port = name === 'wake-events' ? running?.controlPort : running?.port
      const host = `http://${name}.${ref?.namespace}.svc.cluster.local`
      return { name: host, address: port === undefined ? undefined : `http://127.0.0.1:${port}` }
    },
  })
  let isUp = true
  const app = new Hono().use(async (context, next) => (isUp ? await next() : context.body(null, 500)))
  const listening = await listenOn(app.route('/', ingress(broker)), 0)
  whenDone(() => listening.close())
  return {
    url: `http://${listening.host}:${listening.port}/platxa/default`,
    events: () => broker.memory.list(),
    brokerIsUp: (up) => void (isUp = up),
  }
}

/** A namespace with the one pod of wake, which sleep and scan-idle may see. */
async function wakeNamespace(whenDone: (end: () => void | Promise<void>) => void): Promise<string> {
  const kubernetes = await cluster()
  const namespace = `watched-${randomBytes(5).toString('hex')}`
  const options = { fieldManager: 'test', signal: within() }
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'wake-replicas', namespace } }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, options)
  whenDone(() => removeNamespace(namespace))
  await kubernetes.apply(
    { ...rbac, kind: 'Role', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
    options,
  )
  const subjects = ['sleep', 'scan-idle'].map((name) => ({ kind: 'ServiceAccount', name, namespace: 'platxa' }))
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'wake-replicas' }
  await kubernetes.apply({ ...rbac, kind: 'RoleBinding', roleRef, subjects }, options)
  await createPod({ kubernetes, namespace, name: 'wake-0', address: '127.0.0.1' })
  return namespace
}

async function removeNamespace(name: string): Promise<void> {
  await (await cluster()).delete({ apiVersion: 'v1', kind: 'Namespace', name }, { signal: within() })
}
