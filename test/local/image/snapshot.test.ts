import { spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { ensurePki } from '#local/control-plane/pki.ts'
import { bundleFunctions } from '#local/image/bundle.ts'
import { functionEnvironment, imageEntrypoint } from '#local/image/environment.ts'
import { otlpReceiver } from '#test/world/otlp.ts'

const LIMIT_MS = 120_000
const notification = {
  version: '4',
  receiver: 'platxa',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'InstanceIdle', namespace: 'instance-demo' },
      startsAt: '2026-11-23T12:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      fingerprint: 'c0ffee',
    },
  ],
}

const idle = {
  headers: {
    'ce-specversion': '1.0',
    'ce-id': 'i1',
    'ce-source': '//test',
    'ce-type': 'io.platxa.instance.idle.detected.v1',
    'ce-subject': 'instances/demo',
  },
  data: {
    name: 'demo',
    lastActivityAt: '2026-01-01T00:00:00Z',
    idleSeconds: 900,
    deploymentUid: '00000000-0000-4000-8000-000000000000',
    evidence: { replicas: 1, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 900 },
  },
}
const nobodyThere = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'nobody', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'nobody', context: { cluster: 'nobody', user: 'nobody' } }],
  users: [{ name: 'nobody', user: {} }],
  'current-context': 'nobody',
}

describe('a function that continues the snapshot', { timeout: LIMIT_MS }, () => {
  let folder = ''
  let broker: Server
  const published: IncomingMessage[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platxa-snapshot-'))
    await bundleFunctions(folder)
    broker = createServer((request, response) => {
      published.push(request)
      request.resume().once('end', () => response.writeHead(202).end())
    })
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
  }, LIMIT_MS)
  afterAll(async () => {
    broker.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function start(name: string, settings: Readonly<Record<string, string>> = {}) {
    const { port: brokerPort } = broker.address() as AddressInfo
    const env = {
      ...(await functionEnvironment(name)),
      HOST: '127.0.0.1',
      PORT: '0',
      METRICS_PORT: '0',
      DRAIN_DELAY: '1ms',
      K_SINK: `http://127.0.0.1:${brokerPort}`,
      ...settings,
    }
    const [node, ...options] = imageEntrypoint(process.execPath, folder)
    const child = spawn(node, [...options, name], { env, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    const lines: string[] = []
    createInterface(child.stdout).on('line', (line) => void lines.push(line))
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const listening = () => lines.find((line) => line.includes('"message":"listening"'))
    await vi.waitUntil(() => listening() !== undefined || child.exitCode !== null, { timeout: LIMIT_MS })
    const line = listening()
    if (line === undefined) throw new Error(`${name} does not listen: ${lines.join('\n')}`)
    const { port, metricsPort } = JSON.parse(line) as Ports
    const post = (body: object, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    return { child, post, metrics, ended }
  }

  it('answers what is right and what is wrong, publishes, and ends with 0 on SIGTERM', async () => {
    const relay = await start('relay-alerts')
    expect((await relay.post(notification)).status).toBe(204)
    expect(published.at(-1)?.headers).toMatchObject({ 'ce-type': 'io.platxa.alert.firing.v1' })
    const refused = await relay.post({})
    expect([refused.status, await refused.text()]).toEqual([422, expect.stringContaining('version')])
    relay.child.kill('SIGTERM')
    expect(await relay.ended).toBe(0)
  })

  it('tells the time when it was started itself, not when the image was made', async () => {
    await sleep(3_000) // or the two are the same
    const before = Math.floor(Date.now() / 1000)
    const text = await (await start('relay-alerts')).metrics()
    const [, started] = /^process_start_time_seconds (\d+)$/m.exec(text) ?? []
    expect(Number(started)).toBeGreaterThanOrEqual(before - 1)
  })

  it('trusts an authority that is in the folder of authorities, and no other', async () => {
    const pki = await ensurePki({ folder: join(folder, 'pki'), addresses: ['127.0.0.1'] })
    const [ca, cert, key] = await Promise.all(
      [pki.cert('ca'), pki.cert('apiserver'), pki.key('apiserver')].map((file) => readFile(file, 'utf8')),
    )
    const secured = createSecureServer({ cert, key }, (request, response) => {
      request.resume().once('end', () => response.writeHead(202).end())
    })
    await new Promise<void>((resolve) => secured.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void secured.close())
    const authorities = join(folder, 'authorities')
    const settings = {
      K_SINK: `https://127.0.0.1:${(secured.address() as AddressInfo).port}`,
      SSL_CERT_DIR: authorities,
    }
    await mkdir(authorities)
    expect((await (await start('relay-alerts', settings)).post(notification)).status).toBe(503)
    await writeFile(join(authorities, `${hashOf(ca ?? '')}.0`), ca ?? '')
    expect((await (await start('relay-alerts', settings)).post(notification)).status).toBe(204)
  })

  it('loads later what it needs only now and then: a kubeconfig, and the SDK of OpenTelemetry', async () => {
    const receiver = await otlpReceiver()
    onTestFinished(() => receiver.close())
    const kubeconfig = join(folder, 'kubeconfig')
    await writeFile(kubeconfig, JSON.stringify(nobodyThere))
    const asleep = await start('sleep', {
      KUBECONFIG: kubeconfig,
      PGHOST: '127.0.0.1',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    })
    expect((await asleep.post(idle.data, idle.headers)).status).toBe(503)
    asleep.child.kill('SIGTERM')
    expect(await asleep.ended).toBe(0)
    expect(receiver.services()).toContain('sleep')
    expect(receiver.spans().map(({ name }) => name)).toContain(idle.headers['ce-type'])
  })
})

/**
 * The name under which OpenSSL looks for an authority whose subject is one common name: of its canonical form (lower case, UTF8String, no
 * sequence around it) the first four bytes of the SHA-1, as a little-endian number. https://docs.openssl.org/3.5/man3/X509_NAME_hash
 */
function hashOf(pem: string): string {
  const commonName = new X509Certificate(pem).subject.replace('CN=', '').toLowerCase()
  const der = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
    const body = Buffer.concat(content)
    return Buffer.concat([Buffer.of(tag, body.length), body])
  }
  const oid = Buffer.of(0x06, 0x03, 0x55, 0x04, 0x03)
  const canonical = der(0x31, der(0x30, oid, der(0x0c, Buffer.from(commonName))))
  return createHash('sha1').update(canonical).digest().readUInt32LE().toString(16).padStart(8, '0')
}

interface Ports {
  readonly port: number
  readonly metricsPort: number
}
