// Instances in the real API server, a node that runs them, and wake replicas with real ports in front of them.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { serveWake, type Serving } from '#functions/wake/serve.ts'
import { createWake, type Wake, type WakeSettings } from '#functions/wake/wake.ts'
import type { Envelope } from '#shared/events/attributes.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { silentLog } from '#test/world/postgres.ts'
import { cluster } from '#test/world/cluster.ts'
import { until } from './client.ts'
import { placement, startTestNode, type Boot, type Container, type TestNode } from './node.ts'

/** Where the stand-ins listen, each on an address of its own. */
export const httpPort = 8069

export interface Odoo {
  /** `METHOD path` of everything that reached it, health checks and version questions left out. */
  readonly got: string[]
  readonly bodies: string[]
  /** `path traceparent` of every request, health checks too; `-` where there was none. */
  readonly traced: string[]
  readonly sockets: Set<{ close(code?: number): void }>
  boots: number
  /** Until it listens, and then until it answers. */
  startMs: number
  loadMs: number
  /** What else it waits for before the one and the other: a test that has something to see first. */
  beforeStart?: Promise<void>
  beforeLoad?: Promise<void>
  /** The kubelet's word comes this much later. */
  readyMs: number
  respond: (request: IncomingMessage) => Reply
  /** The process ends at once and is started again after so many milliseconds, in the same pod. */
  restart?: ((downMs: number) => Promise<void>) | undefined
  /** It does not say of which version it is. */
  mute: boolean
  /** Told to end, it drops what is under way, as Odoo's gevent process does. */
  impatient: boolean
  /** Instead of starting at all. */
  instead?: ((boot: Boot) => Promise<void>) | undefined
}

interface Reply {
  readonly status: number
  readonly body: string
  readonly after?: Promise<unknown>
}

export interface World {
  readonly kubernetes: Kubernetes
  readonly node: TestNode
  readonly odoos: ReadonlyMap<string, Odoo>
  /** A sleeping instance with a namespace of its own; its host is `{name}.example.com`. */
  instance(options?: InstanceOptions): Promise<Instance>
  /** A new replica that knows a new sleeping instance. */
  meet(settings?: Partial<WakeSettings>): Promise<{ readonly replica: Replica; readonly instance: Instance }>
}

export interface InstanceOptions {
  readonly name?: string
  readonly status?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly quota?: Readonly<Record<string, string>>
}

export interface Instance {
  readonly name: string
  readonly host: string
  readonly namespace: string
  readonly odoo: Odoo
  read(): Promise<Deployment>
  scale(replicas: number): Promise<void>
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)

export async function startWorld(): Promise<World & { stop(): Promise<void> }> {
  const kubernetes = await cluster()
  const odoos = new Map<string, Odoo>()
  const node = await startTestNode(kubernetes, (boot) => bootOdoo(odoos.get(boot.instance), boot))
  const namespaces: string[] = []

  async function instance(options: InstanceOptions = {}): Promise<Instance> {
    const name = options.name ?? `w${randomBytes(5).toString('hex')}`
    const namespace = `instance-${name}`
    const odoo: Odoo = newOdoo()
    odoos.set(name, odoo)
    namespaces.push(namespace)
    await kubernetes.create(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { signal: signal() },
    )
    if (options.quota) {
      await kubernetes.create(
        {
          apiVersion: 'v1',
          kind: 'ResourceQuota',
          metadata: { name: 'instance-quota', namespace },
          spec: { hard: options.quota },
        },
        { signal: signal() },
      )
    }
    await kubernetes.create(deploymentOf(name, node.name, options), { signal: signal() })
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `odoo-${name}` }
    return {
      name,
      host: `${name}.example.com`,
      namespace,
      odoo,
      async read() {
        const found = await kubernetes.get<Deployment>(ref, { signal: signal() })
        if (found === undefined) throw new Error('gone')
        return found
      },
      scale: async (replicas) => void (await kubernetes.scale(ref, replicas, { signal: signal() })),
    }
  }

  return {
    kubernetes,
    node,
    odoos,
    instance,
    async meet(settings = {}) {
      const replica = await startReplica(kubernetes, settings)
      const met = await instance()
      await until(() => replica.wake.rooms.named(met.name) !== undefined)
      return { replica, instance: met }
    },
    async stop() {
      for (const name of namespaces)
        await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name }, { signal: signal() })
      await node.stop()
    },
  }
}

function newOdoo(): Odoo {
  return {
    got: [],
    bodies: [],
    traced: [],
    sockets: new Set(),
    boots: 0,
    startMs: 150,
    loadMs: 100,
    readyMs: 1_000,
    mute: false,
    impatient: false,
    respond: (request) => ({ status: 200, body: `answer to ${request.method} ${request.url}` }),
  }
}

export function deploymentOf(
  name: string,
  node: string,
  { status = 'active', annotations = {} }: InstanceOptions,
): Deployment {
  const own = { app: 'odoo', 'app.kubernetes.io/instance': name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: `odoo-${name}`,
      namespace: `instance-${name}`,
      labels: { ...own, 'platxa.io/status': status, 'platxa.io/resource-tier': 'free' },
      annotations: { 'platxa.io/hosts': `${name}.example.com`, 'platxa.io/odoo-version': '19', ...annotations },
    },
    spec: {
      replicas: 0,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: own },
      template: {
        metadata: { labels: own },
        spec: {
          ...placement(node),
          terminationGracePeriodSeconds: 20,
          automountServiceAccountToken: false,
          containers: [{ name: 'odoo', image: 'odoo' }],
        },
      },
    },
  }
}

async function bootOdoo(odoo: Odoo | undefined, boot: Boot): Promise<Container> {
  if (odoo === undefined) return { stop: async () => undefined }
  odoo.boots += 1
  if (odoo.instead) {
    await odoo.instead(boot)
    return { stop: async () => undefined }
  }
  await sleep(odoo.startMs)
  await odoo.beforeStart
  let server = await listen(odoo, boot.ip)
  odoo.restart = async (downMs) => {
    server.close()
    server.closeAllConnections()
    setTimeout(() => void listen(odoo, boot.ip).then((again) => (server = again)), downMs)
  }
  const ready = setTimeout(() => void boot.sayReady(), odoo.loadMs + odoo.readyMs)
  return {
    async stop() {
      clearTimeout(ready)
      for (const socket of odoo.sockets) socket.close(1001)
      // As Odoo does: what runs is finished, what is idle is closed.
      const ended = once(server, 'close')
      server.close()
      if (odoo.impatient) server.closeAllConnections()
      await ended
    },
  }
}

async function listen(odoo: Odoo, ip: string): Promise<Server> {
  const server = odooServer(odoo, performance.now() + odoo.loadMs)
  server.listen(httpPort, ip)
  await once(server, 'listening')
  return server
}

function odooServer(odoo: Odoo, loadedAt: number): Server {
  // An upload may take as long as it likes.
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    void answer(odoo, loadedAt, request, response)
  })
  const sockets = new WebSocketServer({ server, path: '/websocket' })
  sockets.on('connection', (socket) => {
    odoo.sockets.add(socket)
    socket.on('close', () => odoo.sockets.delete(socket))
    socket.on('message', (data) => socket.send(Buffer.isBuffer(data) ? `odoo heard ${data.toString()}` : ''))
  })
  return server
}

async function answer(odoo: Odoo, loadedAt: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  odoo.traced.push(`${request.url} ${request.headers['traceparent']?.toString() ?? '-'}`)
  if (request.url === '/web/health') {
    await sleep(Math.max(0, loadedAt - performance.now()))
    await odoo.beforeLoad
    return void response.end('{"status": "pass"}')
  }
  if (request.url === '/web/webclient/version_info') {
    if (odoo.mute) return void response.writeHead(500).end()
    return void response.end('{"jsonrpc":"2.0","id":1,"result":{"server_version":"19.0-test"}}')
  }
  odoo.got.push(`${request.method} ${request.url}`)
  odoo.bodies.push(Buffer.concat(await request.toArray()).toString())
  const { status, body, after } = odoo.respond(request)
  await after
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
}

export interface Replica extends Serving {
  readonly host: string
  readonly wake: Wake
  readonly events: Envelope[]
  /** The sum over all series of this name that have these labels, as they stand in the text. */
  metric(name: string, labels?: string): Promise<number>
}

/** Faults of ours must not hide. */
const log = { ...silentLog, error: (fields: object, message: string): void => console.error(message, fields) }

/** `at`: where, for those that sleep is to find; all of them have one control port. */
export async function startReplica(
  kubernetes: Kubernetes,
  over: Partial<WakeSettings> = {},
  at: { readonly host: string; readonly controlPort: number } = { host: '127.0.0.1', controlPort: 0 },
): Promise<Replica> {
  const metrics = createMetrics()
  const events: Envelope[] = []
  let accepting = true
  const wake = createWake({
    settings: {
      replica: `wake-${randomBytes(3).toString('hex')}`,
      source: '//functions.platxa.io/wake',
      namespacePattern: 'instance-*',
      labelSelector: 'app=odoo',
      wakeTimeoutMs: 60_000,
      idleTimeoutMs: 900_000,
      holdTimeoutMs: 50_000,
      holdsPerInstance: 1000,
      holdsTotal: 10_000,
      longestFenceMs: 10_000,
      trustedProxies: ['127.0.0.0/8'],
      closeDatabaseManager: true,
      httpPort,
      ...over,
    },
    kubernetes,
    publisher: { publish: async (event) => void events.push(event) },
    metrics,
    log,
    accepting: () => accepting,
  })
  const ports = { ...at, port: 0, metricsPort: 0 }
  const leaving = { drainDelayMs: 200, finishWithinMs: 30_000, onLeaving: () => void (accepting = false) }
  const serving = await serveWake(wake, ports, leaving, { metrics, log })
  void wake.watch()
  while (!wake.ready()) await sleep(20)
  onTestFinished(() => serving.stop())
  return {
    ...serving,
    host: at.host,
    wake,
    events,
    async metric(name, labels = '') {
      const text = await (await fetch(`http://${at.host}:${serving.metricsPort}/metrics`)).text()
      const lines = text.split('\n').filter((one) => one.split(/[{ ]/)[0] === name && one.includes(labels))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
  }
}
