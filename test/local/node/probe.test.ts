import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Probe } from 'kubernetes-types/core/v1.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { checkOf, type Look } from '#local/node/probe-check.ts'
import { keepProbing, type Verdict } from '#local/node/probe.ts'

describe('one look', () => {
  let server: Server
  let port: number
  let agent: string | undefined
  beforeEach(async () => {
    server = createServer((request, response) => {
      agent = request.headers['user-agent']
      if (request.url !== '/silent') response.writeHead(Number(request.url?.slice(1))).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const look = async (probe: Probe): Promise<Look | undefined> =>
    await checkOf(probe, { ports: [{ name: 'http', containerPort: port }] }, '127.0.0.1')?.(AbortSignal.timeout(300))

  it.each([
    [200, true],
    [303, true],
    [399, true],
    [400, false],
    [503, false],
  ])('at an HTTP server that answers %i passes: %s', async (status, ok) => {
    expect((await look({ httpGet: { path: `/${status}`, port: 'http' } }))?.ok).toBe(ok)
    expect(agent).toMatch(/^kube-probe\//)
  })

  it('says why it did not pass', async () => {
    expect(await look({ httpGet: { path: '/503', port } })).toEqual({
      ok: false,
      why: 'HTTP probe failed with statuscode: 503',
    })
    expect(await look({ httpGet: { path: '/silent', port } })).toEqual({ ok: false, why: 'timed out' })
    expect(await look({ tcpSocket: { port: 1 } })).toMatchObject({
      ok: false,
      why: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it('at a TCP port passes when it accepts', async () => {
    expect(await look({ tcpSocket: { port } })).toEqual({ ok: true })
  })

  it('that would run a command is none', () => {
    expect(checkOf({ exec: { command: ['true'] } }, {}, '127.0.0.1')).toBeUndefined()
  })
})

describe('probing', () => {
  interface Told {
    readonly verdicts: Verdict[]
    looks: number
  }

  interface Options {
    readonly eager?: boolean
    readonly once?: boolean
    /** Unless told, as long as there is a look left and two more. */
    readonly forMs?: number
  }

  /** `looks` says how each look ends; the last one goes on. Periods are 50 ms. */
  async function probe(looks: string, probe: Probe, options: Options = {}): Promise<Told> {
    const told: Told = { verdicts: [], looks: 0 }
    const controller = new AbortController()
    const ending = keepProbing({
      probe: { periodSeconds: 0.05, ...probe },
      check: async () => {
        const ok = (looks[told.looks] ?? looks.at(-1)) === '+'
        told.looks += 1
        return ok ? { ok } : { ok, why: 'no' }
      },
      eager: options.eager ?? false,
      once: options.once ?? false,
      signal: controller.signal,
      report: (verdict) => told.verdicts.push(verdict),
    })
    if (options.forMs !== undefined) await sleep(options.forMs)
    else while (told.looks < looks.length + 2) await sleep(5)
    controller.abort()
    await ending
    return told
  }
  const passes = (told: Told): boolean[] => told.verdicts.map((verdict) => verdict.passes)

  it.each([
    ['passes at the first success', '+', {}, [true]],
    ['fails at the third failure', '---', { failureThreshold: 3 }, [false]],
    ['is not misled by two failures', '+--+', { failureThreshold: 3 }, [true]],
    ['tells each change of mind', '+---+', { failureThreshold: 3 }, [true, false, true]],
    ['waits for as many successes as it is told', '-+-++', { successThreshold: 2, failureThreshold: 1 }, [false, true]],
  ])('%s: %s', async (_what, looks, options, expected) => {
    expect(passes(await probe(looks, options))).toEqual(expected)
  })

  it('looks often at first when it is eager, and those looks are no failures', async () => {
    const told = await probe('----+', { periodSeconds: 0.5, failureThreshold: 2 }, { eager: true })
    expect(passes(told)).toEqual([true])
  })

  it('that is not eager waits for its period', async () => {
    expect((await probe('-+', { periodSeconds: 10 }, { forMs: 300 })).looks).toBe(1)
  })

  it('ends at the first success when once is enough', async () => {
    expect((await probe('--+', { failureThreshold: 9 }, { once: true, forMs: 500 })).looks).toBe(3)
  })

  it('does not begin before its delay', async () => {
    expect((await probe('+', { initialDelaySeconds: 1 }, { forMs: 300 })).looks).toBe(0)
  })
})
