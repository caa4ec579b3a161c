import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { probe, probeDefaults, type Probe } from '#functions/wake/instance/probe.ts'
import { freePorts } from '#local/control-plane/ports.ts'
import { addresses } from '#test/world/addresses.ts'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

/** Where nobody else takes a port before it is used. */
const ip = addresses()()

async function freePort(): Promise<number> {
  return (await freePorts(ip, ['http'])).http
}

async function start(port: number, server: Server): Promise<void> {
  open.push(server)
  server.listen(port, ip)
  await once(server, 'listening')
}

function probeOf(port: number, onListening: () => void = () => undefined): Probe {
  return { ...probeDefaults, ip, port, host: 'demo.example.com', everyMs: 10, tryMs: 300, onListening }
}

describe('probe', () => {
  it('answers within a few tries once the pod answers, and asks as a visitor of the instance', async () => {
    const port = await freePort()
    let asked = ''
    const ready = probe(probeOf(port), AbortSignal.timeout(30_000))
    await sleep(60)
    await start(
      port,
      createServer((request, response) => {
        asked = `${request.headers.host} ${request.url}`
        response.end('{"status": "pass"}')
      }),
    )
    await ready
    expect(asked).toBe('demo.example.com /web/health')
  })

  it('tells once that the port accepts, before the instance answers', async () => {
    const port = await freePort()
    let told = 0
    let loaded = false
    await start(
      port,
      createServer((_request, response) => response.writeHead(loaded ? 200 : 500).end()),
    )
    const ready = probe(
      probeOf(port, () => {
        told += 1
        setTimeout(() => (loaded = true), 50)
      }),
      AbortSignal.timeout(30_000),
    )
    await ready
    expect(told).toBe(1)
  })

  it('tries again when an answer does not come', async () => {
    const port = await freePort()
    let tries = 0
    await start(
      port,
      createServer((_request, response) => {
        tries += 1
        if (tries > 1) response.end()
      }),
    )
    await probe(probeOf(port), AbortSignal.timeout(30_000))
    expect(tries).toBe(2)
  })

  it('takes a 404 of an old series for an answer, and a 503 for none', async () => {
    const port = await freePort()
    let status = 503
    await start(
      port,
      createServer((_request, response) => response.writeHead(status).end()),
    )
    const ready = probe(probeOf(port), AbortSignal.timeout(30_000))
    const early = await Promise.race([ready.then(() => 'ready'), sleep(100).then(() => 'not yet')])
    status = 404
    await ready
    expect(early).toBe('not yet')
  })

  it('ends with the reason of the signal, between two tries and within one', async () => {
    const port = await freePort()
    for (const delay of [0, 25]) {
      const stop = new AbortController()
      const ready = probe(probeOf(port), stop.signal)
      setTimeout(() => stop.abort(new Error('asleep again')), delay)
      await expect(ready).rejects.toThrow(/asleep again|aborted/)
    }
  })
})
