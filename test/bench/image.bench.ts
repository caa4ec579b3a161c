import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Namespace } from 'kubernetes-types/core/v1.js'
import { parseAllDocuments } from 'yaml'

import { bundleFunctions } from '#local/image/bundle.ts'
import { functionEnvironment, imageEntrypoint } from '#local/image/environment.ts'
import { nodeBinary, withLibraries } from '#local/image/roots.ts'
import { preparePostgres } from '#local/postgres/prepare.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { repository } from '#local/world/layout.ts'
import { namespaceRef } from '#shared/cluster/refs.ts'

import { type Figure, type Kit, median } from './figure.ts'
import { type FirstEvent, firstEvents, MADE } from './image/events.ts'
import { memoryOf } from './memory.ts'
import { type Cluster, startCluster } from './wake/cluster.ts'

export const about =
  'the image of the functions: its snapshot on its Node, with a real API server and PostgreSQL (--events 1000)'

const STARTS = 11
const EVENTS = 1_000
const MB = 1024 * 1024
const ANSWER_LIMIT_MS = 30_000
const TRY_EVERY_MS = 2
const LAST_LINES = 5
/** A pod listens on every address. So do we where nobody else is on the network: `unshare --net`, with `lo` up. */
const host = Object.keys(networkInterfaces()).some((name) => name !== 'lo') ? { HOST: '127.0.0.1' } : {}
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

interface Stage {
  readonly kit: Kit
  readonly app: string
  readonly node: string
  readonly environment: Readonly<Record<string, string | number>>
}

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const app = join(kit.dir, 'app')
  const node = await nodeBinary()
  const names = await bundleFunctions(app, { node })
  const root = await withLibraries({ node })
  const files = await Promise.all(root.flatMap((entry) => ('file' in entry ? [sizeOf(entry.file)] : [])))
  yield { name: 'image.root', value: sum(files) / MB, unit: 'MB', reference: 'Node and the libraries that it loads' }
  const snapshot = await sizeOf(join(app, 'functions.blob'))
  yield { name: 'image.snapshot', value: snapshot / MB, unit: 'MB', reference: `all ${names.length} functions` }

  const stack = new AsyncDisposableStack()
  try {
    const cluster = await startCluster(kit)
    stack.defer(() => cluster.stop())
    const stage = { kit, app, node, environment: await surroundings(kit, cluster, stack) }
    // what an event changes is changed before anything is measured
    for (const event of firstEvents('')) await (await start(stage, workOf(event))).stop()
    const events = firstEvents(await uidOf(MADE, cluster, kit.signal))
    yield* measureStarts(stage, events)
    for (const event of events) yield* measureLater(stage, workOf(event))
  } finally {
    await stack.disposeAsync()
  }
}

async function uidOf(name: string, { kubernetes }: Cluster, signal: AbortSignal): Promise<string> {
  const namespace = await kubernetes.get<Namespace>(namespaceRef(name), { signal })
  return namespace?.metadata?.uid ?? ''
}

function workOf(event: FirstEvent): FirstEvent {
  return { ...event, body: event.work ?? event.body }
}

async function* measureStarts(stage: Stage, events: readonly FirstEvent[]): AsyncGenerator<Figure> {
  for (const [{ name }, value] of await startsOf(stage, events)) {
    yield { name: `image.start.${name}`, value, unit: 'ms', goal: { atMost: 200 } }
  }
  const works = events.filter(({ work }) => work !== undefined).map(workOf)
  for (const [{ name }, value] of await startsOf(stage, works)) {
    const reference = 'from the start until its whole work is done once more'
    yield { name: `image.start-and-work.${name}`, value, unit: 'ms', reference }
  }
}

/** Medians. In turns, so that a busy minute of the machine is shared by all. */
async function startsOf(stage: Stage, events: readonly FirstEvent[]): Promise<ReadonlyMap<FirstEvent, number>> {
  const taken = new Map(events.map((event) => [event, [] as number[]]))
  for (let round = 0; round < STARTS; round += 1) {
    for (const [event, starts] of taken) {
      const { milliseconds, stop } = await start(stage, event)
      starts.push(milliseconds)
      await stop()
    }
  }
  return new Map([...taken].map(([event, starts]) => [event, median(starts)]))
}

async function* measureLater(stage: Stage, event: FirstEvent): AsyncGenerator<Figure> {
  const { name } = event
  const running = await start(stage, event)
  const events = stage.kit.option('events') ?? EVENTS
  const later: number[] = []
  for (let sent = 1; sent < events; sent += 1) {
    const from = performance.now()
    await running.send().catch(async (error: unknown) => {
      throw new Error(`${name} did not answer event ${sent}: ${await running.lastWords()}`, { cause: error })
    })
    later.push(performance.now() - from)
  }
  yield { name: `image.event.${name}`, value: median(later), unit: 'ms', reference: 'the same event again and again' }
  const { own, resident } = running.memory()
  const reference = `its own after ${events} events; ${(resident / MB).toFixed(0)} with what is mapped from files, which the functions of a node share`
  yield { name: `image.memory.${name}`, value: own / MB, unit: 'MB', reference, goal: { atMost: 90 } }
  await running.stop()
}

/** From the start of the process to its first answer, which is any but "not now". */
async function start({ kit, app, node, environment }: Stage, { name, path, headers, body, control }: FirstEvent) {
  const [port, controlPort, metrics] = [await kit.freePort(), await kit.freePort(), await kit.freePort()]
  const own = {
    ...environment,
    ...(await functionEnvironment(name)),
    ...host,
    PORT: port,
    CONTROL_PORT: controlPort,
    METRICS_PORT: metrics,
    DRAIN_DELAY: '1ms',
  }
  const assignments = Object.entries(own).map(([key, value]) => `${key}=${value}`)
  let count = 0
  const send = async (): Promise<number> => {
    count += 1
    const answer = await fetch(`http://127.0.0.1:${control ? controlPort : port}${path}`, {
      method: 'POST',
      headers: { ...headers, 'ce-id': `bench-${count}` },
      body: JSON.stringify(body),
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const from = performance.now()
  const process = await kit.program('env', ['-i', ...assignments, ...imageEntrypoint(node, app), name])
  const lastWords = async (): Promise<string> => {
    await process.stop()
    return (await process.ended()).split('\n').slice(-LAST_LINES).join('\n')
  }
  for (;;) {
    const status = await send().catch(() => 503)
    if (status < 500) break
    if (performance.now() - from > ANSWER_LIMIT_MS) {
      throw new Error(`${name} answers ${status} and nothing better: ${await lastWords()}`)
    }
    await sleep(TRY_EVERY_MS)
  }
  const milliseconds = performance.now() - from
  return { milliseconds, send, memory: () => memoryOf(process.pid), stop: () => process.stop(), lastWords }
}

/** What a pod is told by its manifest, with the addresses of this machine. */
async function surroundings(kit: Kit, cluster: Cluster, stack: AsyncDisposableStack): Promise<Stage['environment']> {
  const { signal } = kit
  // where remove keeps what it knows of those that are gone
  await cluster.kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'platxa' } }, { signal })
  const postgres = await startPostgres({ dataDir: join(kit.dir, 'postgres'), durable: false, signal, log: silent })
  stack.defer(() => postgres.stop())
  const login = await preparePostgres({ adminUrl: postgres.adminUrl, templates: ['template_odoo_19'], signal })
  const broker = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(202).end())
  })
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
  stack.defer(() => void broker.close())
  const { port } = broker.address() as AddressInfo
  return {
    ...settings(),
    ...cluster.environment,
    PGHOST: postgres.host,
    PGPORT: postgres.port,
    PGSSLMODE: 'disable',
    POSTGRES_CIDRS: `${postgres.host}/32`,
    PGUSER: login.user,
    PGPASSWORD: login.password,
    BROKER_URL: `http://127.0.0.1:${port}`,
    LOG_LEVEL: 'warn',
  }
}

function settings(): Record<string, string> {
  const file = readFileSync(join(repository, 'manifests', 'base', 'config.yaml'), 'utf8')
  const maps = parseAllDocuments(file).map((document) => document.toJS() as { data: Record<string, string> })
  return Object.assign({}, ...maps.map(({ data }) => data)) as Record<string, string>
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
