// Each function as its manifest starts it, asked to end while requests keep coming.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { brokerManifest } from '#local/broker/manifest.ts'
import { listenOn } from '#local/world/listen.ts'
import type { EventData, EventType } from '#shared/events/catalogue.ts'
import { encodeEvent, makeEvent, type Outgoing } from '#shared/events/emit.ts'
import { ofKind } from '#test/manifests/base.ts'
import { examples } from '#test/shared/events/examples.ts'
import { startFunction, type FunctionProcess } from '#test/world/function-process.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { installManifests, instanceName, request } from './provision/world.ts'

/** One request and the status it is answered with. */
interface Message {
  readonly status: number
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The port it goes to, 'port' when left out. */
  readonly to?: 'port' | 'controlPort'
}

interface Row {
  /** Come all the time. */
  readonly load: readonly Message[]
  /** Its body comes only when nobody is let in any more. */
  readonly last: (name: string) => Message
}

function eventMessage(event: Outgoing, status: number): Message {
  const { headers, body } = encodeEvent(event)
  return { status, method: 'POST', headers, body: Buffer.from(body ?? '').toString() }
}

function event(type: EventType, status: number, changes: object = {}): Message {
  const example = examples[type] as EventData<EventType>
  const data = typeof example === 'object' ? { ...example, name: 'nobody', ...changes } : example
  return eventMessage(makeEvent({ type, source: '//test', id: `sigterm-${type}`, data }), status)
}

const malformed: Message = { status: 400, method: 'POST', headers: { 'ce-specversion': '1.0' }, body: '{' }
const nobodys = (type: EventType, status: number): Row => {
  const message = event(type, status)
  return { load: [malformed, message], last: () => message }
}

const alerts = {
  version: '4',
  groupKey: '{}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'platxa',
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'InstanceIdle' },
      annotations: {},
      startsAt: '2026-11-23T12:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: '',
      fingerprint: 'c0ffee',
    },
  ],
}
const notification: Message = {
  status: 204,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(alerts),
}
const wish: Message = { ...event('io.platxa.instance.wake.requested.v1', 204), to: 'controlPort' }
const letter = event('io.platxa.instance.requested.v1', 204)

const rows: Readonly<Record<string, Row>> = {
  // Comes again later: there is no such instance yet.
  'change-status': nobodys('io.platxa.instance.status.changed.v1', 503),
  'change-tier': nobodys('io.platxa.instance.tier.changed.v1', 503),
  'dead-letter': { load: [{ ...malformed, status: 204 }, letter], last: () => letter },
  provision: {
    load: [
      malformed,
      event('io.platxa.instance.requested.v1', 200, { odooVersion: '29', template: 'template_odoo_19' }),
    ],
    last: (name) => eventMessage(request(name), 200),
  },
  'relay-alerts': { load: [{ ...malformed, status: 422 }, notification], last: () => notification },
  remove: nobodys('io.platxa.instance.removal.requested.v1', 200),
  'scan-idle': nobodys('dev.knative.sources.ping', 204),
  sleep: nobodys('io.platxa.instance.idle.detected.v1', 204),
  wake: {
    load: [
      { status: 404, headers: { host: 'nobody.example.com' } },
      { status: 200, path: '/activity', to: 'controlPort' },
      { ...malformed, to: 'controlPort' },
      wish,
    ],
    last: () => wish,
  },
}

const functions = readdirSync(new URL('../../functions/', import.meta.url))
const CLIENTS_PER_MESSAGE = 3

function send(running: FunctionProcess, message: Message, agent: Agent | false): ClientRequest {
  const { method = 'GET', path = '/', headers = {}, body, to = 'port' } = message
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const port = running[to]
  return httpRequest({ host: '127.0.0.1', port, method, path, headers: { ...length, ...headers }, agent })
}

/** The status, or why there was none. */
async function answerTo(asked: ClientRequest): Promise<number | string> {
  try {
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    await text(response)
    return response.statusCode ?? 0
  } catch (error) {
    return String(error)
  }
}

/** Over connections that are kept, one request after the other, until `end` is called. */
function startLoad(running: FunctionProcess, messages: readonly Message[]) {
  const agent = new Agent({ keepAlive: true })
  const answers: (readonly [Message, number | string])[] = []
  const ending = new AbortController()
  const client = async (message: Message): Promise<void> => {
    while (!ending.signal.aborted) {
      answers.push([message, await answerTo(send(running, message, agent).end(message.body))])
      await sleep(5)
    }
  }
  const clients = messages.flatMap((message) => Array.from({ length: CLIENTS_PER_MESSAGE }, () => client(message)))
  return {
    answers,
    end: async () => {
      ending.abort()
      await Promise.all(clients)
      agent.destroy()
    },
  }
}

/** Its head is taken, and the body is waited for: `Expect: 100-continue`, so that nothing depends on who is faster. */
async function begin(running: FunctionProcess, message: Message) {
  const asked = send(running, { ...message, headers: { ...message.headers, expect: '100-continue' } }, false)
  const answer = answerTo(asked)
  const goOn = once(asked, 'continue')
  asked.flushHeaders()
  await goOn
  return { finish: () => asked.end(message.body), answer }
}

async function readiness(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health/readiness`)
  await response.body?.cancel()
  return response.status
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const open = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return open
}

describe('SIGTERM under load', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  /** Nobody follows what they publish. */
  async function brokerUrl(): Promise<string> {
    const brokers = ofKind('Broker').map((manifest) => brokerManifest.parse(manifest))
    const broker = createBroker({ brokers, triggers: [], resolve: () => ({ name: '', address: undefined }) })
    const listening = await listenOn(ingress(broker), 0)
    onTestFinished(() => listening.close())
    return `http://${listening.host}:${listening.port}/platxa/default`
  }

  it('is tried with every function there is', () => {
    expect(Object.keys(rows).toSorted()).toEqual(functions.toSorted())
  })

  it.each(Object.entries(rows))('%s loses no request, finishes the last one and leaves with 0', async (name, row) => {
    const running = await startFunction(name, { postgres, brokerUrl: await brokerUrl() })
    const { child, port, lines, drainDelayMs, graceMs } = running
    await expect.poll(() => readiness(port), { timeout: 30_000 }).toBeLessThan(300)
    const load = startLoad(running, row.load)
    await expect.poll(() => load.answers.length, { timeout: 30_000 }).toBeGreaterThan(5 * row.load.length)
    const last = row.last(instanceName())
    const lastAsked = await begin(running, last)
    const before = load.answers.length

    const from = performance.now()
    child.kill('SIGTERM')
    const heard = (): boolean => lines.some((line) => line.includes('"message":"stopping"'))
    await expect.poll(heard, { timeout: drainDelayMs, interval: 5 }).toBe(true)
    expect(await readiness(port)).toBe(503)
    // A proxy hears of it within this time; the rest of the delay is so that this test may stumble.
    await sleep(Math.max(0, drainDelayMs / 2 - (performance.now() - from)))
    await load.end()
    expect(load.answers.length).toBeGreaterThan(before + row.load.length)
    expect(load.answers.filter(([message, answer]) => answer !== message.status)).toEqual([])

    await expect.poll(() => isOpen(running[last.to ?? 'port'] ?? 0), { timeout: 30_000, interval: 20 }).toBe(false)
    lastAsked.finish()
    expect(await lastAsked.answer).toBe(last.status)
    expect(await running.exited).toEqual([0, null])
    expect(performance.now() - from).toBeLessThan(graceMs)
    expect(await running.stderr).toBe('')
    const wrong = /unhandled|uncaught|could not stop cleanly|cut the requests/i
    expect(lines.filter((line) => wrong.test(line))).toEqual([])
  })
})
