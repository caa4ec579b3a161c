import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hono } from 'hono'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { makeEvent } from '#shared/events/emit.ts'
import { parseEvent } from '#shared/events/envelope.ts'
import { done, receive, refuse, reply, retry, type Answer, type EventOf } from '#shared/events/receive.ts'
import { createLog } from '#shared/server/log.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { serve, type Running } from '#shared/server/serve.ts'

const types = ['io.platxa.instance.wake.requested.v1', 'dev.knative.sources.ping'] as const
type Taken = (typeof types)[number]
const wake = {
  'ce-specversion': '1.0',
  'ce-id': 'w1',
  'ce-source': '//im',
  'ce-type': types[0],
  'content-type': 'application/json',
}
const body = '{"name":"demo","trigger":"manual"}'

const servers: Running[] = []
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.stop()))))

function app(handle: (event: EventOf<Taken>, signal: AbortSignal) => Promise<Answer> = async () => done()) {
  const lines: Record<string, unknown>[] = []
  const metrics = new Registry()
  const log = createLog('test', { write: (line) => void lines.push(JSON.parse(line)) })
  const hono = receive({ types, handle, log, metrics, maxBytes: 1000, deadlineMs: 300 })
  const post = (headers: Record<string, string> = wake, data: string | null = body): Promise<Response> =>
    Promise.resolve(hono.request('/', { method: 'POST', headers, body: data }))
  return { hono, post, lines, metrics, log }
}

function headerLines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([key, value]) => `${key}: ${value}\r\n`)
    .join('')
}

async function listening(hono: Hono, log = createLog('test', { level: 'silent' })): Promise<Running> {
  const server = await serve({
    app: hono,
    host: '127.0.0.1',
    port: 0,
    metrics: createMetrics(),
    metricsPort: 0,
    drainDelayMs: 0,
    log,
  })
  servers.push(server)
  return server
}

describe('shared/events/receive', () => {
  it('hands the event over with the type its schema proves', async () => {
    const seen: unknown[] = []
    const { post } = app(async (event) => {
      if (event.type === 'io.platxa.instance.wake.requested.v1') seen.push(event.data.trigger)
      return done()
    })
    expect((await post()).status).toBe(204)
    expect(seen).toEqual(['manual'])
  })

  it('takes a ping without a body', async () => {
    const { 'content-type': _none, ...headers } = wake
    expect((await app().post({ ...headers, 'ce-type': 'dev.knative.sources.ping' }, null)).status).toBe(204)
  })

  it('takes structured mode', async () => {
    const event = { specversion: '1.0', id: '1', source: 's', type: types[0], data: JSON.parse(body) as unknown }
    const response = await app().post({ 'content-type': 'application/cloudevents+json' }, JSON.stringify(event))
    expect(response.status).toBe(204)
  })

  const slept = {
    type: 'io.platxa.instance.slept.v1',
    source: '//f',
    data: { name: 'demo', awakeSeconds: 1, why: 'x' },
  } as const
  const answers: [string, Answer, number, string][] = [
    ['done as 204 with nothing', done('was awake'), 204, ''],
    ['refuse as its status and the reason', refuse(422, 'no such tier'), 422, '{"reason":"no such tier"}'],
    ['retry as 503 and the reason', retry('not yet'), 503, '{"reason":"not yet"}'],
    ['reply as 200 and the data', reply(makeEvent({ ...slept, id: '1' })), 200, JSON.stringify(slept.data)],
  ]
  it.each(answers)('answers %s', async (_what, answer, status, text) => {
    const response = await app(async () => answer).post()
    expect([response.status, await response.text()]).toEqual([status, text])
  })

  it('says when to try again', async () => {
    const response = await app(async () => retry('busy', 2.5)).post()
    expect(response.headers.get('retry-after')).toBe('3')
  })

  it('replies with an event that parses', async () => {
    const sent = makeEvent({ ...slept, id: 'r1' })
    const response = await app(async () => reply(sent)).post()
    expect(parseEvent(response.headers, await response.bytes())).toEqual(sent)
  })

  it.each([
    ['an error', new Error('boom'), 'Error: boom'],
    ['an AbortError', new DOMException('stopped', 'AbortError'), 'AbortError: stopped'],
    ['something that is no error', 'boom', 'boom'],
  ])('answers 503 and logs once when the handler throws %s', async (_what, thrown, why) => {
    const { post, lines } = app(async () => {
      throw thrown
    })
    const response = await post()
    expect([response.status, await response.text()]).toEqual([503, JSON.stringify({ reason: why })])
    expect(lines).toMatchObject([{ level: 'error', outcome: 'failed', event: 'w1', why }])
  })

  it('answers 503 when the deadline passes, which the handler hears of', async () => {
    const { post, lines } = app(async (_event, signal) => {
      await sleep(10_000, undefined, { signal })
      return done()
    })
    expect((await post()).status).toBe(503)
    expect(lines).toMatchObject([{ outcome: 'failed', why: 'not done after 300 ms' }])
  })

  const refused: [string, Record<string, string>, string | null, number, RegExp][] = [
    [
      'an unknown type',
      { ...wake, 'ce-type': 'io.platxa.other.v1' },
      body,
      422,
      /^type io\.platxa\.other\.v1 is not understood here, only /,
    ],
    [
      'an unknown version',
      { ...wake, 'ce-type': 'io.platxa.instance.wake.requested.v2' },
      body,
      422,
      /^type .+v2 has a version that is not understood here, which is .+v1$/,
    ],
    [
      'data that does not fit',
      wake,
      '{"name":"Demo","trigger":"x"}',
      422,
      /^data does not fit io\.platxa\.instance\.wake\.requested\.v1: name must be a DNS label.+; trigger /,
    ],
    ['no data', wake, null, 422, /^data does not fit /],
    ['broken JSON', wake, '{', 400, /^data is not JSON$/],
    ['a missing id', { ...wake, 'ce-id': '' }, body, 400, /^id must not be empty$/],
    ['data that is text', { ...wake, 'content-type': 'text/plain' }, body, 415, /^datacontenttype must be JSON$/],
    ['data that is bytes', { ...wake, 'content-type': 'image/png' }, body, 415, /^datacontenttype must be JSON$/],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]', 415, /^content-type names a batch/],
    ['too much', wake, `{"name":"${'a'.repeat(1000)}"}`, 413, /^data is too large: at most 1000 bytes are read$/],
  ]
  it.each(refused)('refuses %s and says why', async (_what, headers, data, status, reason) => {
    const { post, lines } = app()
    const response = await post(headers, data)
    const said = (await response.json()) as { reason: string }
    expect(response.status).toBe(status)
    expect(said.reason).toMatch(reason)
    expect(lines).toMatchObject([{ level: 'warn', outcome: 'refuse', why: said.reason }])
  })

  it('writes one line per event, always with the same keys', async () => {
    const { post, lines } = app(async () => done('was awake'))
    await post()
    await post({}, null)
    const fixed = [
      'level',
      'time',
      'function',
      'event',
      'type',
      'instance',
      'outcome',
      'why',
      'milliseconds',
      'message',
    ]
    expect(lines.map((line) => Object.keys(line))).toEqual([fixed, fixed])
    expect(lines).toMatchObject([
      { function: 'test', event: 'w1', type: types[0], instance: 'demo', outcome: 'done', why: 'was awake' },
      { function: 'test', event: null, type: null, instance: null, outcome: 'refuse' },
    ])
  })

  it('counts by type and outcome, and unknown types as one', async () => {
    const { post, metrics } = app()
    await post()
    await post({ ...wake, 'ce-type': 'a' })
    await post({ ...wake, 'ce-type': 'b' })
    const text = await metrics.metrics()
    expect(text).toContain(`platxa_events_total{type="${types[0]}",outcome="done"} 1`)
    expect(text).toContain('platxa_events_total{type="unknown",outcome="refuse"} 2')
    expect(text).toContain(`platxa_event_duration_seconds_count{type="${types[0]}",outcome="done"} 1`)
  })

  it('can be mounted twice on one registry', () => {
    const { metrics, log } = app()
    expect(() => receive({ types, handle: async () => done(), log, metrics })).not.toThrow()
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE'])('answers %s with 405 and what is allowed', async (method) => {
    const response = await app().hono.request('/', { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  })

  it('answers OPTIONS, and the handshake of a webhook', async () => {
    const { hono } = app()
    const plain = await hono.request('/', { method: 'OPTIONS' })
    expect([plain.status, Object.fromEntries(plain.headers)]).toEqual([200, { allow: 'POST, OPTIONS' }])
    const headers = { 'webhook-request-origin': 'eventemitter.example.com' }
    const handshake = await hono.request('/', { method: 'OPTIONS', headers })
    expect(Object.fromEntries(handshake.headers)).toEqual({
      allow: 'POST, OPTIONS',
      'webhook-allowed-origin': 'eventemitter.example.com',
      'webhook-allowed-rate': '*',
    })
  })
})

describe('shared/events/receive behind a real socket', () => {
  it('refuses a body without a length as soon as it is too large, and stays usable', async () => {
    const { hono } = app()
    const { port } = await listening(hono)
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(500)) })
    const request = { method: 'POST', headers: wake, body: endless, duplex: 'half' } as const
    const response = await fetch(`http://127.0.0.1:${port}/`, request).catch(() => undefined)
    expect(response?.status ?? 413).toBe(413)
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: wake, body })).status).toBe(204)
  })

  it('refuses a body that is announced too large before it is sent', async () => {
    const { port } = await listening(app().hono)
    const socket = connect(port, '127.0.0.1')
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${headerLines(wake)}content-length: 1001\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  it('waits for a body that was announced for as long as the event has, and answers 503 then', async () => {
    const { port } = await listening(app().hono)
    const socket = connect(port, '127.0.0.1')
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${headerLines(wake)}content-length: 100\r\n\r\n{"name":`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 503 [^]*not done after 300 ms/)
    socket.destroy()
  })

  it('reads raw UTF-8 in a header', async () => {
    const seen: (string | undefined)[] = []
    const { port } = await listening(app(async (event) => (seen.push(event.subject), done())).hono)
    const socket = connect(port, '127.0.0.1')
    const head = {
      ...wake,
      host: 'x',
      'ce-subject': 'Zürich',
      'content-length': String(body.length),
      connection: 'close',
    }
    socket.end(`POST / HTTP/1.1\r\n${headerLines(head)}\r\n${body}`)
    await once(socket.resume(), 'close')
    expect(seen).toEqual(['Zürich'])
  })

  it('tells the handler when the sender hangs up', async () => {
    const { promise: told, resolve } = Promise.withResolvers<unknown>()
    const started = Promise.withResolvers<void>()
    const { hono, lines } = app(async (_event, signal) => {
      started.resolve()
      await once(signal, 'abort')
      resolve(signal.reason)
      throw signal.reason
    })
    const { port } = await listening(hono)
    const client = new AbortController()
    const request = fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: wake, body, signal: client.signal })
    await started.promise
    client.abort()
    await expect(request).rejects.toThrow('aborted')
    expect(await told).not.toMatchObject({ name: 'TimeoutError' })
    await expect.poll(() => lines).toMatchObject([{ outcome: 'failed', why: 'the sender hung up' }])
  })

  it('answers a POST to a path that does not exist with 400, because 404 would be retried', async () => {
    const { port } = await listening(app().hono)
    expect((await fetch(`http://127.0.0.1:${port}/nowhere`, { method: 'POST' })).status).toBe(400)
    expect((await fetch(`http://127.0.0.1:${port}/nowhere`)).status).toBe(404)
  })
})
