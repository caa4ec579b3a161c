import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEvent } from '#shared/events/emit.ts'
import { parseEvent } from '#shared/events/envelope.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { receive, reply } from '#shared/events/receive.ts'
import { listen } from '#shared/server/listen.ts'
import { createLog } from '#shared/server/log.ts'
import { currentTraceparent, startTelemetry, withSpan } from '#shared/server/telemetry.ts'
import { attribute, otlpReceiver, type OtlpReceiver } from '#test/world/otlp.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parent = `00-${traceId}-b7ad6b7169203331-01`
const log = createLog('test', { level: 'silent' })
const signal = AbortSignal.timeout(20_000)

let collector: OtlpReceiver
beforeAll(async () => {
  collector = await otlpReceiver()
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json'
})
afterAll(() => collector.close())

describe('shared/server/telemetry without an exporter', () => {
  const nothing: Record<string, string>[] = [
    {},
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' },
    { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' },
  ]
  it.each(nothing)('does not load the SDK with %j', async (env) => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const { startTelemetry } = await import('#shared/server/telemetry.ts')
      await (await startTelemetry('test'))()
      console.log(loaded.some((url) => url.includes('sdk-node')), loaded.length > 5)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env })
    expect(stdout.trim()).toBe('false true')
  })

  it('runs what it is given all the same', async () => {
    expect(await withSpan('x', {}, parent, async () => currentTraceparent() ?? 'untraced')).toBe('untraced')
    await expect(withSpan('x', {}, undefined, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom')
  })

  it('passes the traceparent of the cause on', () => {
    const cause = {
      specversion: '1.0',
      id: '1',
      source: 's',
      type: 't',
      data: undefined,
      extensions: { traceparent: parent },
    } as const
    const data = { name: 'demo', awakeSeconds: 1, why: 'x' }
    const event = makeEvent({ type: 'io.platxa.instance.slept.v1', source: '//f', data, cause })
    expect(event.extensions['traceparent']).toBe(parent)
  })
})

describe('shared/server/telemetry with an OTLP receiver', () => {
  it('keeps one trace from the event that comes in, through the handler, to the events that go out', async () => {
    const stop = await startTelemetry('sleep')
    const publisher = createPublisher({ sink: collector.url, log })
    const app = receive({
      types: ['io.platxa.instance.wake.requested.v1'],
      log,
      handle: async (event) => {
        const woken = { type: 'io.platxa.instance.woken.v1', source: '//f', cause: event } as const
        const data = { name: 'demo', trigger: 'http', milliseconds: { total: 1 } } as const
        await withSpan('scale', { 'k8s.namespace.name': 'instance-demo' }, undefined, () =>
          publisher.publish(makeEvent({ ...woken, data, step: 'published' }), { signal }),
        )
        return reply(makeEvent({ ...woken, data }))
      },
    })
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'w1',
      'ce-source': '//im',
      'ce-type': 'io.platxa.instance.wake.requested.v1',
      'ce-traceparent': parent,
      'content-type': 'application/json',
    }
    const response = await app.request('/', { method: 'POST', headers, body: '{"name":"demo","trigger":"http"}' })
    const answer = parseEvent(response.headers, await response.bytes())
    await stop()

    expect(collector.services()).toContain('sleep')
    const spans = collector.spans()
    const handling = spans.find(({ name }) => name === 'io.platxa.instance.wake.requested.v1')
    const scaling = spans.find(({ name }) => name === 'scale')
    expect(handling).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
    expect(handling && attribute(handling, 'cloudevents.event_id')).toBe('w1')
    expect(scaling).toMatchObject({ traceId, parentSpanId: handling?.spanId })
    expect(answer.extensions['traceparent']).toBe(`00-${traceId}-${handling?.spanId}-01`)
    expect(collector.hops).toContain(`00-${traceId}-${scaling?.spanId}-01`)
  })

  it('does not hold up the way out when the receiver says nothing', async () => {
    const silent = createServer()
    const port = await listen(silent, { host: '127.0.0.1', port: 0 })
    const script = `
      const { startTelemetry, withSpan } = await import('#shared/server/telemetry.ts')
      const stop = await startTelemetry('test')
      await withSpan('x', {}, undefined, async () => undefined)
      console.log(await stop().catch((error) => error.message))
      process.exit()`
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env })
    expect(stdout.trim()).toBe('the last traces took longer than 3000 ms')
    silent.close().closeAllConnections()
  }, 20_000)

  it.each([
    ['none', undefined],
    ['one that is broken', '00-zz-b7ad6b7169203331-01'],
    ['one of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['version ff', `ff-${traceId}-b7ad6b7169203331-01`],
  ])('begins a trace of its own with %s', async (_what, traceparent) => {
    const seen = await withSpan('own', {}, traceparent, async () => currentTraceparent())
    expect(seen).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
    expect(seen).not.toContain(traceId)
  })

  it('follows a parent of a later version, and its decision not to sample', async () => {
    const run = (traceparent: string): Promise<string | undefined> =>
      withSpan('x', {}, traceparent, async () => currentTraceparent())
    expect(await run(`01-${traceId}-b7ad6b7169203331-01-more`)).toMatch(new RegExp(`^00-${traceId}-.{16}-01$`))
    expect(await run(`00-${traceId}-b7ad6b7169203331-00`)).toMatch(new RegExp(`^00-${traceId}-.{16}-00$`))
  })
})
