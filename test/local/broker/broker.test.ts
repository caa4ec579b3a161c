import { describe, expect, it } from 'vitest'
import { brokerWorld, deadUrl, type Script, subscriber } from './world.ts'

const event = (type: string, id = 'r1') => ({
  'ce-specversion': '1.0',
  'ce-id': id,
  'ce-source': '/sub',
  'ce-type': type,
})
const RETRY_3 = { retry: 3, backoffPolicy: 'exponential', backoffDelay: 'PT0.02S' }

describe('local broker, an event on its way', () => {
  it('is answered 202 when no Trigger wants it', async () => {
    await using world = await brokerWorld([])
    expect((await world.send()).status).toBe(202)
  })

  it('reaches the subscriber in binary mode with what the broker adds, and without the hop counter', async () => {
    await using sub = await subscriber()
    await using world = await brokerWorld([{ to: sub.url }])
    const sent = await world.send({ headers: { 'content-type': 'application/json' }, body: '{"a":1}' })
    expect(sent.status).toBe(202)
    const [{ headers, body }] = sub.received as [(typeof sub.received)[0]]
    expect(body).toBe('{"a":1}')
    expect(headers).toMatchObject({
      'ce-id': 'e1',
      'ce-type': 't.ask',
      'content-type': 'application/json',
      prefer: 'reply',
      'kn-namespace': 'platxa',
    })
    expect(headers['ce-knativearrivaltime']).toMatch(/^\d{4}-.*Z$/)
    expect(headers).not.toHaveProperty('ce-knativebrokerttl')
  })

  it('keeps attribute values byte for byte: nothing is percent-decoded or encoded', async () => {
    await using sub = await subscriber()
    await using world = await brokerWorld([{ to: sub.url }])
    await world.send({ headers: { 'ce-subject': 'instances/%41', 'ce-note': 'd\u00c3\u00a9' } })
    expect(sub.received[0]?.headers).toMatchObject({ 'ce-subject': 'instances/%41', 'ce-note': 'd\u00c3\u00a9' })
  })

  it('arrives in structured mode where the Trigger asks for it', async () => {
    await using sub = await subscriber()
    await using world = await brokerWorld([{ to: sub.url, delivery: { format: 'json' } }])
    await world.send({ headers: { 'content-type': 'application/json' }, body: '{"a":1}' })
    expect(sub.received[0]?.headers['content-type']).toBe('application/cloudevents+json')
    expect(JSON.parse(sub.received[0]?.body ?? '')).toMatchObject({ id: 'e1', type: 't.ask', data: { a: 1 } })
  })

  it('is answered only after the slowest subscriber is done with its retries', async () => {
    await using quick = await subscriber()
    await using flaky = await subscriber((n) => ({ status: n < 3 ? 503 : 202 }))
    await using world = await brokerWorld([{ to: quick.url }, { to: flaky.url, delivery: RETRY_3 }])
    const { status, tookMs } = await world.send()
    expect(status).toBe(202)
    expect(flaky.received).toHaveLength(3)
    expect(tookMs).toBeGreaterThan(55)
  })

  it('waits 1, 2, 4 times the delay between exponential attempts', async () => {
    await using sub = await subscriber(() => ({ status: 503 }))
    await using world = await brokerWorld([
      { to: sub.url, delivery: { retry: 3, backoffPolicy: 'exponential', backoffDelay: 'PT0.05S' } },
    ])
    expect((await world.send()).status).toBe(500)
    const gaps = sub.received.slice(1).map((one, index) => one.atMs - (sub.received[index]?.atMs ?? 0))
    for (const [index, wanted] of [50, 100, 200].entries()) expect(gaps[index]).toBeGreaterThan(wanted - 5)
  })

  it.each([500, 501, 502, 503, 504, 404, 408, 409, 429])('is tried again after %i', async (status) => {
    await using sub = await subscriber((n) => ({ status: n === 1 ? status : 204 }))
    await using world = await brokerWorld([{ to: sub.url, delivery: RETRY_3 }])
    expect((await world.send()).status).toBe(202)
    expect(sub.received).toHaveLength(2)
  })

  it.each([302, 400, 401, 403, 405, 410, 413, 415, 422, 425])(
    'becomes a dead letter at once after %i',
    async (status) => {
      await using sub = await subscriber(() => ({ status, body: `refused with ${status}`, headers: { location: '/' } }))
      await using dead = await subscriber()
      await using world = await brokerWorld([
        { to: sub.url, delivery: { ...RETRY_3, deadLetterSink: { uri: dead.url } } },
      ])
      expect((await world.send()).status).toBe(202)
      expect(sub.received).toHaveLength(1)
      expect(dead.received[0]?.headers).toMatchObject({
        'ce-id': 'e1',
        'ce-type': 't.ask',
        'ce-knativeerrordest': sub.url,
        'ce-knativeerrorcode': String(status),
        'ce-knativeerrordata': Buffer.from(`refused with ${status}`).toString('base64'),
        'ce-knativebrokerttl': '255',
      })
      expect(dead.received[0]?.headers).not.toHaveProperty('prefer')
    },
  )

  it('becomes a dead letter with code 500 when nobody listens', async () => {
    await using dead = await subscriber()
    const nobody = await deadUrl()
    await using world = await brokerWorld([{ to: nobody, delivery: { ...RETRY_3, deadLetterSink: { uri: dead.url } } }])
    expect((await world.send()).status).toBe(202)
    const headers = dead.received[0]?.headers ?? {}
    expect(headers['ce-knativeerrorcode']).toBe('500')
    expect(Buffer.from(String(headers['ce-knativeerrordata']), 'base64').toString()).toContain('dispatch error: Post')
  })

  it('carries at most 1024 characters of the answer into the dead letter', async () => {
    await using sub = await subscriber(() => ({ status: 400, body: 'x'.repeat(5000) }))
    await using dead = await subscriber()
    await using world = await brokerWorld([{ to: sub.url, delivery: { deadLetterSink: { uri: dead.url } } }])
    await world.send()
    expect(dead.received[0]?.headers['ce-knativeerrordata']).toHaveLength(1024)
  })

  it('is answered 500 when even the dead letter failed, and other Triggers got it all the same', async () => {
    await using bad = await subscriber(() => ({ status: 503 }))
    await using good = await subscriber()
    const nobody = await deadUrl()
    await using world = await brokerWorld([
      { to: bad.url, delivery: { retry: 1, backoffDelay: 'PT0.01S', deadLetterSink: { uri: nobody } } },
      { to: good.url },
    ])
    expect((await world.send()).status).toBe(500)
    expect(good.received).toHaveLength(1)
  })

  it("follows a Trigger's delivery instead of the Broker's, but inherits the dead letter sink", async () => {
    await using sub = await subscriber(() => ({ status: 503 }))
    await using dead = await subscriber()
    await using world = await brokerWorld([{ to: sub.url, delivery: { timeout: 'PT1S' } }], {
      ...RETRY_3,
      deadLetterSink: { uri: dead.url },
    })
    expect((await world.send()).status).toBe(202)
    expect(sub.received).toHaveLength(1)
    expect(dead.received).toHaveLength(1)
  })

  it('gives up an attempt after the timeout and tries again', async () => {
    const silentFirst: Script = (n) => (n === 1 ? new Promise(() => undefined) : { status: 204 })
    await using sub = await subscriber(silentFirst)
    await using world = await brokerWorld([{ to: sub.url, delivery: { ...RETRY_3, timeout: 'PT0.5S' } }])
    expect((await world.send()).status).toBe(202)
    expect(sub.received).toHaveLength(2)
  })

  it('is no longer delivered when its publisher hangs up', async () => {
    await using sub = await subscriber(() => ({ status: 503 }))
    await using world = await brokerWorld([{ to: sub.url, delivery: { retry: 5, backoffDelay: 'PT0.2S' } }])
    await expect(world.send({ signal: AbortSignal.timeout(100) })).rejects.toThrow('aborted')
    await new Promise((done) => setTimeout(done, 400))
    expect(sub.received).toHaveLength(1)
    expect(world.broker.memory.list()[0]?.deliveries[0]?.outcome).toBe('lost')
  })
})

describe('local broker, the answer of a subscriber', () => {
  it('goes back into the broker when it is an event, before the publisher is answered', async () => {
    await using first = await subscriber(() => ({ status: 200, headers: event('t.answer') }))
    await using second = await subscriber()
    await using world = await brokerWorld([
      { to: first.url, filter: { type: 't.ask' } },
      { to: second.url, filter: { type: 't.answer' } },
    ])
    expect((await world.send()).status).toBe(202)
    expect(second.received[0]?.headers).toMatchObject({ 'ce-type': 't.answer', 'ce-id': 'r1' })
  })

  it('is a failure when it has a body that is no event: 502, so it is tried again', async () => {
    await using sub = await subscriber(() => ({ status: 200, body: '{"ok":true}' }))
    await using dead = await subscriber()
    await using world = await brokerWorld([
      { to: sub.url, delivery: { ...RETRY_3, deadLetterSink: { uri: dead.url } } },
    ])
    await world.send()
    expect(sub.received).toHaveLength(4)
    expect(dead.received[0]?.headers['ce-knativeerrorcode']).toBe('502')
  })

  it('is a failure when the event in it is malformed', async () => {
    await using sub = await subscriber(() => ({ status: 200, headers: { 'ce-specversion': '1.0' } }))
    await using world = await brokerWorld([{ to: sub.url, delivery: { retry: 1, backoffDelay: 'PT0.01S' } }])
    expect((await world.send()).status).toBe(500)
    expect(sub.received).toHaveLength(2)
  })

  it('is cut off after 255 hops when a function answers with what wakes it', async () => {
    await using sub = await subscriber((n) => ({ status: 200, headers: event('t.ask', `hop-${n}`) }))
    await using world = await brokerWorld([{ to: sub.url }])
    expect((await world.send()).status).toBe(500)
    expect(sub.received).toHaveLength(255)
  })

  it('delivers the original to the dead letter sink when its event could not be delivered on', async () => {
    await using first = await subscriber(() => ({ status: 200, headers: event('t.answer') }))
    await using second = await subscriber(() => ({ status: 400 }))
    await using dead = await subscriber()
    await using world = await brokerWorld([
      { to: first.url, filter: { type: 't.ask' }, delivery: { deadLetterSink: { uri: dead.url } } },
      { to: second.url, filter: { type: 't.answer' } },
    ])
    expect((await world.send()).status).toBe(202)
    expect(dead.received[0]?.headers).toMatchObject({ 'ce-type': 't.ask', 'ce-knativeerrorcode': '500' })
  })
})

describe('local broker, what it remembers', () => {
  it('tells who got an event, each answer and what came of it', async () => {
    await using flaky = await subscriber((n) => ({
      status: n === 1 ? 503 : 200,
      ...(n === 1 && { body: 'not now' }),
      ...(n > 1 && { headers: event('t.answer') }),
    }))
    await using world = await brokerWorld([
      { name: 'provision', to: flaky.url, filter: { type: 't.ask' }, delivery: RETRY_3 },
    ])
    await world.send({ headers: { 'ce-subject': 'instances/demo' } })
    const [reply, asked] = world.broker.memory.list()
    expect(asked).toMatchObject({ type: 't.ask', subject: 'instances/demo', from: 'ingress', answer: 202 })
    expect(asked?.deliveries).toMatchObject([
      {
        trigger: 'provision',
        outcome: 'delivered',
        reply: 't.answer',
        attempts: [
          { answer: 503, said: 'not now' },
          { answer: 200, said: '' },
        ],
      },
    ])
    expect(reply).toMatchObject({ type: 't.answer', from: 'provision', deliveries: [] })
  })
})
