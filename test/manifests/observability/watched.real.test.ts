// The whole way of a hint, with the real parts: Prometheus scrapes every function, Alertmanager calls relay-alerts, the
// broker brings its event to scan-idle, and sleep decides.
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EventType } from '#shared/events/catalogue.ts'
import { ask } from '#test/functions/wake/client.ts'
import type { Instance } from '#test/functions/wake/world.ts'
import { commandOf } from '#test/world/watchers.ts'
import { rules } from './promtool.ts'
import { choiceOf, metricNames, queriesOf, recordingNames } from './queries.ts'
import { postAlerts, query, startAlertmanager, startPrometheus, type Server } from './servers.ts'
import { functionNames, startWatchedWorld, type WatchedWorld } from './watched-world.ts'

const commands = await Promise.all([commandOf('prometheus'), commandOf('alertmanager')])
const missing = commands.includes(undefined)
const without = missing ? ' (skipped: no prometheus and alertmanager on PATH, and none could be unpacked)' : ''
/** Longer than any machine takes. */
const SOON = { timeout: 300_000, interval: 200 }

const savings = ['wakes', 'sleeps', 'false_wakes', 'awake_seconds'].map((what) => `platxa_wake_instance_${what}_total`)

let world: WatchedWorld
let uploading: { finish(): Promise<unknown> } | undefined
let alertmanager: Server
let prometheus: Server
beforeAll(async () => {
  if (missing) return
  world = await startWatchedWorld()
  alertmanager = await startAlertmanager(world.part('relay-alerts').port)
  prometheus = await startPrometheus(world.scraped, alertmanager)
  // What is counted before the first scrape has not risen.
  const seen = async () => (await query(prometheus, 'up == 1')).length
  await vi.waitUntil(async () => (await seen()) === world.scraped.length, SOON)
}, 600_000)
afterAll(async () => {
  await uploading?.finish()
  await prometheus?.stop()
  await alertmanager?.stop()
  await world?.stop()
}, 120_000)

type Named = Pick<Instance, 'name'>
const firing = 'io.platxa.alert.firing.v1'
const detected = 'io.platxa.instance.idle.detected.v1'
const typesOf = ({ name }: Named): readonly string[] =>
  world
    .events()
    .filter(({ subject }) => subject === `instances/${name}`)
    .map(({ type }) => type)
/** What became of each hint about it. */
const outcomesOf = ({ name }: Named) =>
  world
    .events()
    .filter(({ type, subject }) => type === firing && subject === `instances/${name}`)
    .map(({ deliveries }) => deliveries.map(({ outcome }) => outcome))
const replicas = async (instance: Instance): Promise<number | undefined> => (await instance.read()).spec?.replicas
const hint = ({ name }: Named, more: Readonly<Record<string, string>> = {}) => ({
  alertname: 'PlatxaInstanceIdle',
  name,
  namespace: `instance-${name}`,
  severity: 'info',
  ...more,
})

const click = { method: 'POST', path: '/web/dataset/call_kw', headers: { 'sec-fetch-mode': 'cors' } }

/** As from an open tab: held until the instance is awake, then answered by it. */
async function visit({ host }: Instance): Promise<void> {
  const { port } = world.part('wake')
  expect((await ask({ port, host, ...click, body: '{}' })).status).toBe(200)
}

/** An upload that the instance has begun to read, and whose end has not come yet. */
async function upload({ host, odoo }: Instance): Promise<{ finish(): Promise<unknown> }> {
  const { method, path, headers } = click
  const at = { host: '127.0.0.1', port: world.part('wake').port }
  const asked = request({ ...at, method, path, headers: { host, ...headers, 'transfer-encoding': 'chunked' } })
  const over = once(
    asked.on('response', (response) => response.resume()),
    'close',
  )
  asked.write('{')
  await expect.poll(() => odoo.got, SOON).toContain(`${method} ${path}`)
  return {
    finish() {
      asked.end('}')
      return over
    },
  }
}

/** The broker answers when everybody is done with it. */
async function publish(type: EventType, data?: object): Promise<number> {
  const about = {
    'ce-specversion': '1.0',
    'ce-id': `${type} ${performance.now()}`,
    'ce-source': '//test',
    'ce-type': type,
  }
  const headers = { ...about, ...(data && { 'content-type': 'application/json' }) }
  const body = data === undefined ? null : JSON.stringify(data)
  return (await fetch(world.brokerUrl, { method: 'POST', headers, body })).status
}

async function relayMetric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${world.part('relay-alerts').metricsPort}/metrics`)).text()
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1])
}

describe.skipIf(missing)(`what watches the platform${without}`, { timeout: 900_000 }, () => {
  it('puts an instance to sleep that nobody uses, and leaves alone one that is in use though an alert names it', async () => {
    const { idle, busy } = world
    // Until the end of all tests: what is shown of an instance is shown of one that is awake.
    uploading = await upload(busy)
    await visit(idle)

    // Prometheus finds it, and nothing else tells anybody.
    await expect.poll(() => replicas(idle), SOON).toBe(0)
    await expect.poll(() => typesOf(idle), SOON).toContain('io.platxa.instance.slept.v1')
    expect(typesOf(idle)).toEqual(expect.arrayContaining([firing, detected]))
    expect((await idle.read()).metadata?.annotations?.['platxa.io/why']).toMatch(/^Asleep since .+: nobody used it for/)
    await expect.poll(() => typesOf(idle), SOON).toContain('io.platxa.alert.resolved.v1')

    await postAlerts(alertmanager, [hint(busy)])
    await expect.poll(() => outcomesOf(busy), SOON).toContainEqual(['delivered'])
    expect(typesOf(busy)).not.toContain(detected)
    expect(await replicas(busy)).toBe(1)
  })

  it('tries again when the broker refuses an event, until it takes it, under the same id', async () => {
    // An alert about somebody else, with whom no other one shares its notification.
    const stranger = { name: 'stranger' }
    world.brokerIsUp(false)
    await postAlerts(alertmanager, [hint(stranger)])
    const refused = () =>
      world
        .part('relay-alerts')
        .lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
        .filter(({ message, instance, type }) => {
          return message === 'alert not relayed' && instance === stranger.name && type === firing
        })
    // The second refusal is the answer to another call of Alertmanager.
    await expect.poll(() => refused().length, SOON).toBeGreaterThan(1)
    expect(typesOf(stranger)).toEqual([])
    world.brokerIsUp(true)
    const ids = new Set(refused().map((line) => line['event id']))
    expect(ids.size).toBe(1)
    await expect.poll(() => world.events().map(({ id }) => id), SOON).toContain([...ids][0])
  })

  it('counts the alerts that Alertmanager cuts off', async () => {
    const cutting = await startAlertmanager(world.part('relay-alerts').port, {
      'max_alerts: 0': 'max_alerts: 1',
      'group_by: [namespace]': 'group_by: [alertname]',
    })
    try {
      const before = await relayMetric('platxa_alerts_truncated_total')
      await postAlerts(
        cutting,
        ['one', 'two', 'three'].map((attempt) => hint(world.idle, { attempt })),
      )
      await expect.poll(() => relayMetric('platxa_alerts_truncated_total'), SOON).toBeGreaterThanOrEqual(before + 2)
    } finally {
      await cutting.stop()
    }
  })

  describe('shows', { timeout: 900_000 }, () => {
    beforeAll(async () => {
      // A scan, an instance that is made, and an event that nobody can handle.
      expect(await publish('dev.knative.sources.ping')).toBe(202)
      expect(await publish('io.platxa.instance.requested.v1', world.another)).toBe(202)
      await publish('io.platxa.instance.requested.v1', { name: 'UPPER' })
      const buried = () =>
        query(prometheus, 'platxa_dead_letters_total{type="io.platxa.instance.requested.v1",code="422"}')
      await vi.waitUntil(async () => (await buried()).length === 1, SOON)
    }, 600_000)

    it('every function', async () => {
      const up = await query(prometheus, 'up == 1')
      expect(new Set(up.map(({ metric }) => metric['job']))).toEqual(new Set(functionNames))
    })

    it('every metric that a rule or a dashboard names', async () => {
      const response = await fetch(`${prometheus.url}/api/v1/metadata`)
      const { data } = (await response.json()) as { data: Record<string, unknown> }
      const exported = (name: string): boolean => name in data || name.replace(/_(bucket|sum|count)$/, '') in data
      expect(metricNames().filter((name) => !exported(name))).toEqual([])
    })

    it('no recording that no rule makes', () => {
      const made = rules.map(({ record }) => record)
      expect(recordingNames().filter((name) => !made.includes(name))).toEqual([])
    })

    it('no rule that Prometheus cannot evaluate', async () => {
      const response = await fetch(`${prometheus.url}/api/v1/rules`)
      const { data } = (await response.json()) as {
        data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
      }
      const unwell = data.groups.flatMap((group) => group.rules).filter(({ health }) => health !== 'ok')
      expect(unwell).toEqual([])
    })

    it('an instance that is awake and one that sleeps among those to choose from', async () => {
      const { label, series } = choiceOf('name')
      const found = await fetch(`${prometheus.url}/api/v1/label/${label}/values?match[]=${encodeURIComponent(series)}`)
      const { data } = (await found.json()) as { data: string[] }
      expect(new Set(data)).toEqual(new Set([world.idle.name, world.busy.name]))
    })

    it.each(savings)('what sleeping saves: %s of both', async (metric) => {
      const named = async () => new Set((await query(prometheus, metric)).map((found) => found.metric['name']))
      await expect.poll(named, SOON).toEqual(new Set([world.idle.name, world.busy.name]))
    })

    it.each(queriesOf())('$dashboard: $panel, $expr', async ({ expr, mayBeEmpty }) => {
      const found = async () => (await query(prometheus, expr.replaceAll('$name', world.busy.name))).length
      if (mayBeEmpty) await found()
      else await expect.poll(found, SOON).toBeGreaterThan(0)
    })
  })
})
