// One trace from whoever asks to the pod that answers: real broker code, API server, sockets and OTLP.
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { brokerManifest, triggerManifest } from '#local/broker/manifest.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { listen } from '#shared/server/listen.ts'
import { startTelemetry } from '#shared/server/telemetry.ts'
import { attribute, otlpReceiver, type OtlpReceiver, type OtlpSpan } from '#test/world/otlp.ts'
import { silentLog } from '#test/world/postgres.ts'
import { ask, browser, click, until } from './client.ts'
import { startReplica, startWorld, type Instance, type Replica } from './world.ts'

const signal = AbortSignal.timeout(120_000)
let world: Awaited<ReturnType<typeof startWorld>>
let collector: OtlpReceiver
let stopTelemetry: () => Promise<void>

beforeAll(async () => {
  world = await startWorld()
  collector = await otlpReceiver()
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json'
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '100'
  stopTelemetry = await startTelemetry('wake')
})
afterAll(async () => {
  await stopTelemetry()
  collector.close()
  await world.stop()
})

async function meet(): Promise<{ replica: Replica; instance: Instance }> {
  const replica = await startReplica(world.kubernetes)
  const instance = await world.instance()
  await until(() => replica.wake.rooms.named(instance.name) !== undefined)
  return { replica, instance }
}

/** The broker of the local world with the one Trigger that brings wishes to wake. */
async function brokerTo(replica: Replica): Promise<string> {
  const metadata = { name: 'default', namespace: 'platxa' }
  const subscriber = { ref: { kind: 'Service', name: 'wake-events', namespace: 'traefik-system' } }
  const filter = { attributes: { type: 'io.platxa.instance.wake.requested.v1' } }
  const broker = createBroker({
    brokers: [brokerManifest.parse({ kind: 'Broker', metadata, spec: {} })],
    triggers: [triggerManifest.parse({ kind: 'Trigger', metadata, spec: { broker: 'default', filter, subscriber } })],
    resolve: () => ({
      name: 'http://wake-events.traefik-system.svc.cluster.local/',
      address: `http://127.0.0.1:${replica.controlPort}/`,
    }),
  })
  const answer = getRequestListener(ingress(broker).fetch, { overrideGlobalObjects: false })
  const server = createServer((request, response) => void answer(request, response))
  onTestFinished(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/platxa/default`
}

/** The trace as `child < parent`, by names, once `name` has arrived. */
async function traceOf(traceId: string, name: string): Promise<{ spans: OtlpSpan[]; tree: string[] }> {
  const spans = (): OtlpSpan[] => collector.spans().filter((span) => span.traceId === traceId)
  await until(() => spans().some((span) => span.name === name))
  const nameOf = (id: string | undefined): string => spans().find(({ spanId }) => spanId === id)?.name ?? 'the asker'
  return { spans: spans(), tree: spans().map((span) => `${span.name} < ${nameOf(span.parentSpanId)}`) }
}

function newTrace(digit: string): { id: string; traceparent: string } {
  const id = digit.repeat(32)
  return { id, traceparent: `00-${id}-b7ad6b7169203331-01` }
}

describe('a wake that an event asks for', () => {
  it('is one trace from the event through the broker to the pod that answers, and to what is told of it', async () => {
    const { replica, instance } = await meet()
    const { id, traceparent } = newTrace('a')
    const sink = await brokerTo(replica)
    const data = { name: instance.name, trigger: 'manual' as const }
    const made = makeEvent({ type: 'io.platxa.instance.wake.requested.v1', source: '//im', id: 'wish-1', data })
    const event = { ...made, extensions: { ...made.extensions, traceparent } }
    await createPublisher({ sink, log: silentLog }).publish(event, { signal })
    await until(() => replica.events.length > 0)

    const { spans, tree } = await traceOf(id, 'wake')
    expect(tree.toSorted()).toEqual([
      'io.platxa.instance.wake.requested.v1 < the asker',
      'wake < io.platxa.instance.wake.requested.v1',
      'wake: probe < wake',
      'wake: scale to 1 < wake',
    ])
    const wake = spans.find(({ name }) => name === 'wake')
    const probe = spans.find(({ name }) => name === 'wake: probe')
    expect(wake && attribute(wake, 'platxa.instance')).toBe(instance.name)
    const phases = wake?.events.map(({ name }) => name)
    expect(phases).toEqual(expect.arrayContaining(['requested', 'accepted', 'starting', 'database']))
    expect(instance.odoo.traced).toContain(`/web/health 00-${id}-${probe?.spanId}-01`)
    expect(replica.events[0]?.extensions['traceparent']).toBe(`00-${id}-${wake?.spanId}-01`)
  })
})

describe('a request that is held', () => {
  it('goes on in its own trace: our span is the parent of what the instance gets', async () => {
    const { replica, instance } = await meet()
    const { id, traceparent } = newTrace('b')
    const headers = { ...click, traceparent, tracestate: 'vendor=1' }
    let state: string | undefined
    instance.odoo.respond = (request) => {
      state = request.headers['tracestate']?.toString()
      return { status: 200, body: 'done' }
    }
    const path = '/web/dataset/call_kw?token=secret'
    const call = { port: replica.port, host: instance.host, method: 'POST', path, headers, body: '{}' }
    expect(await ask(call)).toMatchObject({ status: 200, body: 'done' })
    await until(() => replica.events.length > 0)

    const { spans, tree } = await traceOf(id, 'wake: call')
    expect(tree.toSorted()).toEqual([
      'wake < wake: call',
      'wake: call < the asker',
      'wake: probe < wake',
      'wake: scale to 1 < wake',
    ])
    const request = spans.find(({ name }) => name === 'wake: call')
    expect(request).toMatchObject({ parentSpanId: 'b7ad6b7169203331', events: [{ name: 'held: let in' }] })
    expect(request && attribute(request, 'platxa.request.outcome')).toBe('forwarded')
    expect(JSON.stringify(request)).not.toContain('secret')
    expect(instance.odoo.traced.at(-1)).toBe(`${path} 00-${id}-${request?.spanId}-01`)
    expect(state).toBe('vendor=1')
    expect(replica.events[0]?.extensions['traceparent']).toContain(id)
  })

  it('begins a trace where it has none, and drops what is no trace', async () => {
    const { replica, instance } = await meet()
    const headers = { ...click, traceparent: 'nonsense', tracestate: 'vendor=1' }
    let state: unknown = 'not seen'
    instance.odoo.respond = (request) => {
      state = request.headers['tracestate']
      return { status: 200, body: 'done' }
    }
    await ask({ port: replica.port, host: instance.host, method: 'POST', path: '/jsonrpc', headers, body: '{}' })
    const [, traceId = ''] = /^\/jsonrpc 00-(.{32})-.{16}-01$/.exec(instance.odoo.traced.at(-1) ?? '') ?? []
    const { tree } = await traceOf(traceId, 'wake: call')
    expect(tree).toContain('wake: call < the asker')
    expect(state).toBeUndefined()
  })

  it('is shown the page in the trace that the wake then belongs to', async () => {
    const { replica, instance } = await meet()
    const { id, traceparent } = newTrace('c')
    const headers = { ...browser, traceparent }
    expect((await ask({ port: replica.port, host: instance.host, path: '/odoo', headers })).status).toBe(503)
    const { tree } = await traceOf(id, 'wake')
    expect(tree).toContain('wake < wake: page load')
  })
})

describe('a wake that fails', () => {
  it('says so in its span', async () => {
    const { replica, instance } = await meet()
    const { id, traceparent } = newTrace('d')
    instance.odoo.instead = (boot) =>
      boot.say({
        containerStatuses: [
          {
            name: 'odoo',
            image: 'odoo',
            imageID: '',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
          },
        ],
      })
    const headers = { ...click, traceparent }
    await ask({ port: replica.port, host: instance.host, method: 'POST', path: '/jsonrpc', headers, body: '{}' })
    const { spans } = await traceOf(id, 'wake')
    expect(spans.find(({ name }) => name === 'wake')?.status).toEqual({ code: 2, message: 'crash-loop' })
    expect(replica.events[0]).toMatchObject({ type: 'io.platxa.instance.wake.failed.v1' })
  })
})
