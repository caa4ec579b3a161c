// Prometheus and Alertmanager as real processes on loopback, with the rules and the example of manifests/ and the times of
// a test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { z } from 'zod'
import { choosePort } from '#local/postgres/port.ts'
import { commandOf, type Program } from '#test/world/watchers.ts'
import { groups } from './promtool.ts'

const HOST = '127.0.0.1'
const READY_MS = 120_000
const example = new URL('../../../manifests/components/observability/alertmanager.yaml', import.meta.url)

export interface Server {
  readonly url: string
  stop(): Promise<void>
}

/** Where one part is scraped. */
export interface Scraped {
  readonly job: string
  readonly port: number
}

/** What counts as idle, instead of a quarter of an hour. */
export const IDLE_S = 5

export async function startAlertmanager(
  relayPort: number,
  changes: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const written = await readFile(example, 'utf8')
  const config = replaced(written, {
    'http://relay-alerts.platxa.svc.cluster.local/': `http://${HOST}:${relayPort}/`,
    'group_wait: 10s': 'group_wait: 1s',
    // Alertmanager waits for relay-alerts, and so for all that follows, as long as the interval of a group.
    'repeat_interval: 15m': 'repeat_interval: 1m',
    ...changes,
  })
  return start('alertmanager', { 'alertmanager.yaml': config }, (folder, address) => [
    `--config.file=${join(folder, 'alertmanager.yaml')}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ])
}

export async function startPrometheus(scraped: readonly Scraped[], alertmanager: Server): Promise<Server> {
  const config = {
    // A scrape that a crowded machine does not manage in time means "do not know".
    global: { scrape_interval: '3s', scrape_timeout: '3s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager.url).host] }] }] },
    scrape_configs: scraped.map(({ job, port }) => ({
      job_name: job,
      static_configs: [{ targets: [`${HOST}:${port}`], labels: { pod: `${job}-0`, namespace: 'platxa' } }],
    })),
  }
  const files = { 'prometheus.yaml': stringify(config), 'rules.yaml': fastRules() }
  return start('prometheus', files, (folder, address) => [
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
  ])
}

/** The very rules, with the times of the hint in seconds. */
function fastRules(): string {
  return replaced(stringify({ groups }, { lineWidth: 0 }), {
    'max(process_start_time_seconds{job="wake"}) < 15 * 60': `max(process_start_time_seconds{job="wake"}) < ${IDLE_S}`,
    'expr: platxa:instance_idle:seconds > 15 * 60': `expr: platxa:instance_idle:seconds > ${IDLE_S}`,
    'for: 1m\n': 'for: 1s\n',
    'interval: 30s': 'interval: 1s',
  })
}

/** Insists that each was there, so that a change of the file is not tested by its old words. */
function replaced(written: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((all, [from, to]) => {
    if (!all.includes(from)) throw new Error(`there is no "${from}" to replace`)
    return all.replace(from, to)
  }, written)
}

type Args = (folder: string, address: string) => readonly string[]

async function start(program: Program, files: Readonly<Record<string, string>>, args: Args): Promise<Server> {
  const [command, ...before] = (await commandOf(program)) ?? []
  if (command === undefined) throw new Error(`there is no ${program}`)
  const folder = await mkdtemp(join(tmpdir(), `platxa-${program}-`))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const port = await choosePort({ host: HOST, wanted: undefined, before: undefined })
  const child = spawn(command, [...before, ...args(folder, `${HOST}:${port}`)], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said = text(child.stderr)
  const onExit = (): void => void child.kill('SIGKILL')
  process.once('exit', onExit)
  const stop = async (): Promise<void> => {
    process.off('exit', onExit)
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://${HOST}:${port}`
  const end = performance.now() + READY_MS
  while (!(await isReady(url))) {
    if (performance.now() > end || child.exitCode !== null) {
      await stop()
      throw new Error(`${program} did not get ready: ${await said}`)
    }
    await sleep(50)
  }
  return { url, stop }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}

const sample = z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })
const answer = z.union([
  z.object({ status: z.literal('success'), data: z.object({ result: z.array(sample) }) }),
  z.object({ status: z.literal('error'), error: z.string() }),
])

/** The series of an instant query; throws what Prometheus has against it. */
export async function query({ url }: Server, expr: string): Promise<readonly z.output<typeof sample>[]> {
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: expr }) })
  const said = answer.parse(await response.json())
  if (said.status === 'error') throw new Error(`${expr}: ${said.error}`)
  return said.data.result
}

/** As Prometheus does it. */
export async function postAlerts({ url }: Server, labels: readonly Readonly<Record<string, string>>[]): Promise<void> {
  const startsAt = new Date().toISOString()
  const body = JSON.stringify(labels.map((one) => ({ labels: one, startsAt })))
  const headers = { 'content-type': 'application/json' }
  const { ok, status } = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body })
  if (!ok) throw new Error(`Alertmanager answers ${status}`)
}
