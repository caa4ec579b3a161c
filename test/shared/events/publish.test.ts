import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { makeEvent } from '#shared/events/emit.ts'
import { parseEvent, type Envelope } from '#shared/events/envelope.ts'
import { createPublisher, PublishError, type PublisherOptions } from '#shared/events/publish.ts'
import { createLog } from '#shared/server/log.ts'
import { listen } from '#shared/server/listen.ts'

const log = createLog('test', { level: 'silent' })
const signal = AbortSignal.timeout(20_000)
const event = makeEvent({
  type: 'io.platxa.instance.wake.requested.v1',
  source: '//functions.platxa.io/scan-idle',
  data: { name: 'demo', trigger: 'cron' },
  id: 'e1',
})

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

type Answer = (response: ServerResponse, request: IncomingMessage, attempt: number) => unknown

/** A sink that answers as told and remembers the events it saw. */
async function sink(answer: Answer, options: Partial<PublisherOptions> = {}) {
  const seen: Envelope[] = []
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      seen.push(parseEvent(request.headers, body))
      return answer(response, request, seen.length)
    })
  })
  closing.push(() => server.close().closeAllConnections())
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${port}/platxa/default`
  return { seen, url, server, publisher: createPublisher({ sink: url, log, pauseMs: 1, attempts: 4, ...options }) }
}

const status =
  (code: number, headers = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end('because')

async function failure(publishing: Promise<void>): Promise<PublishError> {
  const error: unknown = await publishing.then(
    () => 'published',
    (thrown: unknown) => thrown,
  )
  if (error instanceof PublishError) return error
  throw new Error('expected a PublishError', { cause: error })
}

describe('shared/events/publish', () => {
  it.each([200, 202, 204])('is content with %i', async (code) => {
    const { publisher, seen } = await sink(status(code))
    await publisher.publish(event, { signal })
    expect(seen).toEqual([event])
  })

  it.each([404, 429, 500, 501, 502, 503, 504])('tries again after %i, with the same event', async (code) => {
    const { publisher, seen } = await sink((response, request, attempt) =>
      status(attempt < 3 ? code : 202)(response, request, attempt),
    )
    await publisher.publish(event, { signal })
    expect(seen).toEqual([event, event, event])
  })

  it.each([300, 301, 304, 307, 400, 401, 403, 405, 408, 409, 413, 415, 422])('gives up at once on %i', async (code) => {
    const { publisher, seen, url } = await sink(status(code, { location: '/elsewhere' }))
    const error = await failure(publisher.publish(event, { signal }))
    expect(error).toMatchObject({ sink: url, status: code, eventId: 'e1', eventType: event.type })
    expect(error.message).toContain(`${event.type} e1 could not be published to ${url}: status ${code}`)
    expect(seen).toHaveLength(1)
  })

  it('gives up after the last attempt and says what the sink said', async () => {
    const { publisher, seen } = await sink(status(503))
    expect(await failure(publisher.publish(event, { signal }))).toMatchObject({
      status: 503,
      message: expect.stringMatching(/: status 503: because$/),
    })
    expect(seen).toHaveLength(4)
  })

  it('tries again when the connection is cut', async () => {
    const { publisher, seen } = await sink((response, _request, attempt) =>
      attempt < 3 ? response.destroy() : response.writeHead(202).end(),
    )
    await publisher.publish(event, { signal })
    expect(seen).toHaveLength(3)
  })

  it('tries again while nobody listens, and finds the sink when it comes back', async () => {
    const { publisher, url, server, seen } = await sink(status(202), { pauseMs: 100, attempts: 10 })
    server.close().closeAllConnections()
    await once(server, 'close')
    const publishing = publisher.publish(event, { signal })
    await sleep(150)
    await listen(server, { host: '127.0.0.1', port: Number(new URL(url).port) })
    await publishing
    expect(seen).toEqual([event])
  })

  it('names the fault when nobody ever listens', async () => {
    const { publisher, server } = await sink(status(202))
    server.close()
    const error = await failure(publisher.publish(event, { signal }))
    expect(error).toMatchObject({ status: undefined, message: expect.stringContaining('ECONNREFUSED') })
  })

  it('tries again when a sink does not answer in time', async () => {
    const { publisher, seen } = await sink(
      (response, _request, attempt) => attempt > 1 && response.writeHead(202).end(),
      {
        attemptWithinMs: 500,
      },
    )
    await publisher.publish(event, { signal })
    expect(seen).toHaveLength(2)
  })

  it('stops while it waits for an answer when the caller does', async () => {
    const { publisher } = await sink(() => undefined)
    const error = await failure(publisher.publish(event, { signal: AbortSignal.timeout(50) }))
    expect(error.message).toContain('the caller gave up')
    expect(error.cause).toMatchObject({ name: 'TimeoutError' })
  })

  it('stops while it pauses when the caller does, and says what it was waiting for', async () => {
    const { publisher } = await sink(status(503), { pauseMs: 60_000 })
    const error = await failure(publisher.publish(event, { signal: AbortSignal.timeout(50) }))
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining('given up after status 503: because') })
  })

  it('waits as long as the sink asks', async () => {
    const started = performance.now()
    const { publisher } = await sink((response, request, attempt) =>
      status(attempt === 1 ? 503 : 202, { 'retry-after': '1' })(response, request, attempt),
    )
    await publisher.publish(event, { signal })
    expect(performance.now() - started).toBeGreaterThan(990)
  })

  it('adds the extensions of K_CE_OVERRIDES, which win', async () => {
    const overrides = JSON.stringify({ extensions: { cluster: 'eu', partitionkey: 'x' } })
    const { publisher, seen } = await sink(status(202), { overrides })
    await publisher.publish(event, { signal })
    expect(seen[0]?.extensions).toEqual({ ...event.extensions, cluster: 'eu', partitionkey: 'x' })
  })

  it.each(['{', '[]', '{"extensions":{"A b":"c"}}', '{"extensions":{"a":1}}'])(
    'refuses to start with overrides %s',
    (overrides) => {
      expect(() => createPublisher({ sink: 'http://x', overrides, log })).toThrow('K_CE_OVERRIDES must be JSON')
    },
  )

  it.each(['', '{}', '{"extensions":{}}'])('takes overrides that say nothing: %j', (overrides) => {
    expect(() => createPublisher({ sink: 'http://x', overrides, log })).not.toThrow()
  })

  it('sends no content type when there is no data', async () => {
    const { publisher } = await sink((response, request) => {
      response
        .writeHead(
          request.headers['content-type'] === undefined && request.headers['content-length'] === '0' ? 202 : 400,
        )
        .end()
    })
    await publisher.publish({ ...event, data: undefined, datacontenttype: undefined }, { signal })
  })
})
