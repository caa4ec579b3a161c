// Waking a real Odoo, as a person in a browser sees it, beside the same start without us.
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Browser } from 'playwright-core'
import { type FrontDoor, openFrontDoor } from '#local/front-door.ts'
import { noOdoo } from '#test/flow/real/obtainable.ts'
import { askToSleep, type Instance, instanceOf } from '#test/flow/real/instance.ts'
import { chromiumPath, openBrowser } from '#test/flow/browse.ts'
import { type LocalWorld, localWorld } from '#test/flow/local-world.ts'
import { type Figure, type Kit, median } from './figure.ts'
import { costs } from './odoo/costs.ts'

export const about = 'a sleeping real Odoo, from the click to its page (--rounds 5), and what one costs'

const ROUNDS = 5
const LIMIT_MS = 120_000
const POLL_MS = 20
/** Here no graphics processor draws what moves on a page. */
const STILL = { reducedMotion: 'reduce', bypassCSP: true } as const
const SIGN_IN = '/web/login'
/** manifests/base/wake.yaml */
const WAKE_PORT = 8080
const ODOO_PORT = 8069
/** A locator would look twice a second, which is a sixth of what is measured here; every frame would make the browser draw them. */
const IS_SIGN_IN = `document.querySelector('input[name=login]')?.checkVisibility() === true`
const OFTEN = { polling: POLL_MS, timeout: LIMIT_MS } as const

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  if (noOdoo !== undefined || chromiumPath === undefined) return kit.say(noOdoo ?? 'no Chromium')
  kit.say('starting the local world with a real Odoo')
  const cores = availableParallelism()
  const apart = cores > 1 && kit.find('taskset') !== undefined
  if (!apart) kit.say('one core, or no taskset: what the browser draws is taken from the start of Odoo')
  if (apart) stayOn('0')
  await using world = await localWorld()
  const started = await world.start('--odoo', 'real', '--idle-timeout', '1h')
  if (started.code !== 0) throw new Error(started.output)
  const demo = await instanceOf(world, 'demo')
  await demo.annotate({ 'platxa.io/crons': 'never' })
  if (apart) {
    const doors = (await world.processes()).filter((line) => line.includes('functions/wake/main.ts'))
    if (doors.length === 0) throw new Error('no wake among the processes of the world')
    for (const pid of [process.pid, ...doors.map((line) => Number.parseInt(line, 10))]) stayOn(`1-${cores - 1}`, pid)
  }
  const door = await doorOf(world)
  const bare = await bareDoor()
  const browser = await openBrowser()
  try {
    yield* wakes(kit, { world, demo, browser, bare, signIn: signInAt(door) })
    yield* costs(world, demo)
  } finally {
    await browser.close()
    await door.close()
    await bare.door.close()
  }
}

const signInAt = ({ port }: FrontDoor): string => `http://demo.localhost:${port}${SIGN_IN}`

/** What stands before wake, in a cluster Traefik, is another machine's too; the local world's own is where Odoo is. */
async function doorOf(world: LocalWorld): Promise<FrontDoor> {
  const { wakeMetrics } = await world.file()
  const replicas = wakeMetrics.map((address) => ({ host: new URL(address).hostname, port: WAKE_PORT }))
  return openFrontDoor({ port: 0, console: () => undefined, replicas: () => replicas })
}

/** Without us the same proxy stands in front of the instance itself. */
interface BareDoor {
  readonly door: FrontDoor
  leadTo(address: string): void
}

async function bareDoor(): Promise<BareDoor> {
  let host = ''
  const replicas = () => [{ host, port: ODOO_PORT }]
  const door = await openFrontDoor({ port: 0, console: () => undefined, replicas })
  return { door, leadTo: (address) => void (host = address) }
}

/**
 * The browser is another machine's, and so is whoever asks again and again whether the instance can answer yet: wake, or the script of the
 * bare way. The first core is for what either of them waits for. What a process starts later has its cores too.
 */
function stayOn(cores: string, pid = process.pid): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' })
}

interface Bench {
  readonly world: LocalWorld
  readonly demo: Instance
  readonly browser: Browser
  readonly bare: BareDoor
  /** Through the door and wake. */
  readonly signIn: string
}

async function* wakes(kit: Kit, bench: Bench): AsyncGenerator<Figure> {
  const clicks: number[] = []
  const bare: number[] = []
  const before = await phasesOf(bench.world)
  // The first of each warms the file cache for both.
  for (let round = 0; round <= (kit.option('rounds') ?? ROUNDS); round += 1) {
    let [one, other] = [Number.NaN, Number.NaN]
    const ways = [async () => void (one = await click(bench)), async () => void (other = await bareStart(bench))]
    // whoever comes second finds the machine warmer
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) await way()
    kit.say(`click ${one.toFixed(0)} ms, without us ${other.toFixed(0)} ms${round === 0 ? ' (not counted)' : ''}`)
    if (round > 0) {
      clicks.push(one)
      bare.push(other)
    }
  }
  const after = await phasesOf(bench.world)
  const ratio = median(clicks.map((ms, round) => ms / (bare[round] ?? Number.NaN)))
  yield {
    name: 'odoo.click-to-page',
    value: ratio,
    unit: 'ratio',
    reference: `${median(clicks).toFixed(0)} ms; scale, wait for health, open the page: ${median(bare).toFixed(0)} ms`,
    ratio,
    goal: { atMost: 1.05 },
  }
  for (const [phase, { sum, count }] of after) {
    const earlier = before.get(phase) ?? { sum: 0, count: 0 }
    if (count === earlier.count) continue
    const value = ((sum - earlier.sum) / (count - earlier.count)) * 1000
    yield { name: `odoo.until-${phase}`, value, unit: 'ms', reference: 'mean, from the first request of a wake' }
  }
}

/** From the navigation to the sign-in page, through the loading page. */
async function click({ world, demo, browser, signIn }: Bench): Promise<number> {
  await toSleep(world, demo)
  const page = await browser.newPage(STILL)
  const began = performance.now()
  const opened = page.waitForResponse((response) => response.ok() && response.url() === signIn, {
    timeout: LIMIT_MS,
  })
  await page.goto(signIn)
  await opened
  await page.waitForFunction(IS_SIGN_IN, undefined, OFTEN)
  const ms = performance.now() - began
  await page.close()
  return ms
}

/** What a script would do that has the cluster's rights and nobody else to wait for. */
async function bareStart({ world, demo, browser, bare }: Bench): Promise<number> {
  await toSleep(world, demo)
  const kubernetes = await world.kubernetes()
  const page = await browser.newPage(STILL)
  const began = performance.now()
  await kubernetes.scale(deploymentRef(demo), 1, { signal: AbortSignal.timeout(LIMIT_MS) })
  let address: string | undefined
  while (address === undefined) {
    address = (await demo.pods())[0]?.status?.podIP
    if (address === undefined) await sleep(POLL_MS)
  }
  while (
    !(await fetch(`http://${address}:${ODOO_PORT}/web/health`)
      .then(({ ok }) => ok)
      .catch(() => false))
  )
    await sleep(POLL_MS)
  bare.leadTo(address)
  await page.goto(signInAt(bare.door))
  await page.waitForFunction(IS_SIGN_IN, undefined, OFTEN)
  const ms = performance.now() - began
  await page.close()
  return ms
}

const deploymentRef = ({ name }: Instance) =>
  ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: `instance-${name}`, name: `odoo-${name}` }) as const

async function toSleep(world: LocalWorld, demo: Instance): Promise<void> {
  const kubernetes = await world.kubernetes()
  for (let tries = 0; ; tries += 1) {
    const found = await kubernetes.get<Deployment>(deploymentRef(demo), { signal: AbortSignal.timeout(LIMIT_MS) })
    if (found?.spec?.replicas === 0 && (await demo.pods()).length === 0) return
    if (found?.spec?.replicas !== 0 && tries % 20 === 0) await askToSleep(world, demo.name)
    await sleep(250)
  }
}

/** Of all wake replicas: seconds from the beginning of a wake until a phase was seen. */
async function phasesOf(world: LocalWorld): Promise<Map<string, { sum: number; count: number }>> {
  const phases = new Map<string, { sum: number; count: number }>()
  for (const address of (await world.file()).wakeMetrics) {
    const text = await (await fetch(address)).text()
    for (const [, what, phase = '', value] of text.matchAll(
      /^platxa_wake_phase_seconds_(sum|count)\{phase="(\w+)"\} (\S+)$/gm,
    )) {
      const found = phases.get(phase) ?? { sum: 0, count: 0 }
      found[what === 'sum' ? 'sum' : 'count'] += Number(value)
      phases.set(phase, found)
    }
  }
  return phases
}
