// The broker goes away while provision works, and comes back with an empty memory: who published tries again.
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { route } from '#functions/provision/route.ts'
import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { brokerManifest, triggerManifest } from '#local/broker/manifest.ts'
import { listenOn, type Listening } from '#local/world/listen.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { databaseOf, deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { listen } from '#shared/server/listen.ts'
import type { Log } from '#shared/server/log.ts'
import { ofKind } from '#test/manifests/base.ts'
import { rows } from '#test/shared/postgres/tenant.ts'
import { cluster } from '#test/world/cluster.ts'
import { postgres as sharedPostgres, silentLog, type PostgresWorld } from '#test/world/postgres.ts'
import { deliver, depsFor, installManifests, instanceName, objectOf, request, wholeOf, within } from './world.ts'

const PROVISIONED = 'io.platxa.instance.provisioned.v1'
const HOST = '127.0.0.1'

async function serveHere(handle: (request: Request) => Response | Promise<Response>): Promise<string> {
  const answer = getRequestListener(handle, { overrideGlobalObjects: false })
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  onTestFinished(() => server.close().closeAllConnections())
  return `http://${HOST}:${await listen(server, { host: HOST, port: 0 })}/`
}

interface BrokerServer {
  readonly sink: string
  /** How often it was stopped and started again. */
  readonly outages: number
  stop(): Promise<void>
  start(): Promise<void>
}

/** The Broker and the Trigger of provision as in manifests/base, and one Trigger for whoever waits for its answer. */
async function brokerServer(provision: string, listener: string): Promise<BrokerServer> {
  const brokers = ofKind('Broker').map((manifest) => brokerManifest.parse(manifest))
  const own = ofKind('Trigger').filter(({ metadata }) => metadata.name === 'provision')
  const spec = { broker: 'default', filter: { attributes: { type: PROVISIONED } }, subscriber: { uri: listener } }
  const waits = { kind: 'Trigger', metadata: { name: 'listener', namespace: 'platxa' }, spec }
  const triggers = [...own, waits].map((manifest) => triggerManifest.parse(manifest))
  const run = (port: number): Promise<Listening> => {
    const broker = createBroker({
      brokers,
      triggers,
      resolve: ({ uri, ref }) => ({
        name: uri ?? `http://${ref?.name}.platxa/`,
        address: uri ?? (ref?.name === 'provision' ? provision : undefined),
      }),
    })
    return listenOn(ingress(broker), port)
  }
  let running: Listening | undefined = await run(0)
  const { port } = running
  let outages = 0
  const stop = async (): Promise<void> => {
    const ending = running
    running = undefined
    await ending?.close()
  }
  onTestFinished(stop)
  return {
    sink: `http://${HOST}:${port}/platxa/default`,
    get outages() {
      return outages
    },
    stop,
    start: async () => {
      outages += 1
      running = await run(port)
      expect(running.port).toBe(port)
    },
  }
}

/** Calls `then` once, right after the first apply of such an object. */
function afterApplyOf(kind: string, kubernetes: Kubernetes, then: () => Promise<void>): Kubernetes {
  let done = false
  return {
    ...kubernetes,
    apply: async (object, options) => {
      const applied = await kubernetes.apply(object, options)
      if (object.kind === kind && !done) {
        done = true
        await then()
      }
      return applied
    },
  }
}

describe('provision, while its broker goes away', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  type Moment = 'Namespace' | 'Deployment' | 'the answer'
  it.each<[string, Moment, number]>([
    ['in the beginning', 'Namespace', 1],
    ['when all but the answer is done', 'Deployment', 1],
    ['when the answer is delivered, but not yet reported', 'the answer', 2],
  ])('%s: makes one instance and says so under one id', async (_, moment, deliveries) => {
    const name = instanceName()
    const undisturbed = instanceName()
    const deps = await depsFor(postgres)
    await deliver(deps, request(undisturbed))

    const heard: (string | null)[] = []
    const listener = await serveHere(async ({ headers }) => {
      heard.push(headers.get('ce-id'))
      if (moment === 'the answer' && broker.outages === 0) await broker.stop()
      return new Response(null, { status: 204 })
    })
    const kubernetes = afterApplyOf(moment, deps.kubernetes, () => broker.stop())
    const app = route({ ...deps, kubernetes })
    const asked: (string | null)[] = []
    const provision = await serveHere((incoming) => {
      asked.push(incoming.headers.get('ce-id'))
      return app.fetch(incoming)
    })
    const broker = await brokerServer(provision, listener)

    // The first failure is the connection that was cut; at the second one nobody listens.
    const failures: unknown[] = []
    const warn = (fields: object): void => {
      failures.push(Object.fromEntries(Object.entries(fields))['why'])
      if (failures.length === 2) void broker.start()
    }
    const log: Log = { ...silentLog, warn }
    await createPublisher({ sink: broker.sink, log }).publish(request(name), { signal: within() })

    expect(failures[1]).toContain('ECONNREFUSED')
    expect(broker.outages).toBe(1)
    expect(asked).toEqual([`request-${name}-1`, `request-${name}-1`])
    expect(heard).toHaveLength(deliveries)
    expect(new Set(heard).size).toBe(1)
    expect(await wholeOf(name, postgres)).toEqual(await wholeOf(undisturbed, postgres))
    expect(await objectOf(name, 'Deployment', deploymentOf(name))).toMatchObject({ spec: { replicas: 1 } })
    expect(await instancesLike(name)).toEqual({ namespaces: [namespaceOf(name)], databases: [databaseOf(name)] })
  })

  /** All there is that has the name in it. */
  async function instancesLike(name: string): Promise<object> {
    const namespaces: string[] = []
    const all = (await cluster()).list<{ metadata: { name: string } }>(
      { apiVersion: 'v1', kind: 'Namespace' },
      { signal: within() },
    )
    for await (const { metadata } of all) if (metadata.name.includes(name)) namespaces.push(metadata.name)
    const like = `%${name}%`
    const found = await rows<{ datname: string }>(
      postgres.root,
      'SELECT datname FROM pg_database WHERE datname LIKE $1',
      [like],
    )
    return { namespaces, databases: found.map(({ datname }) => datname) }
  }
})
