import { describe, expect, it } from 'vitest'
import { createWakeMetrics } from '#functions/wake/metrics.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { asleep, awake, entryOf, room, sleeping, waking } from './instance/rooms-of.ts'

const now = (): number => 100_000
const entries = [
  entryOf(room(awake), { name: 'one' }),
  entryOf(room(awake, { fence: { id: 'f', until: 200_000 } }), { name: 'two' }),
  entryOf(room(asleep, { world: sleeping }), { name: 'three' }),
]

async function told(act: (metrics: ReturnType<typeof createWakeMetrics>) => void): Promise<readonly string[]> {
  const registry = createMetrics()
  act(createWakeMetrics(registry, { holds: () => 3, parked: () => 4, entries: () => entries, now }))
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith('platxa_wake_'))
}

describe('what the front door counts', () => {
  it('count requests by class and outcome', async () => {
    const lines = await told((metrics) => {
      metrics.request('A', 'forwarded')
      metrics.request('A', 'forwarded')
      metrics.request('B', 'not now')
    })
    expect(lines).toContain('platxa_wake_requests_total{class="A",outcome="forwarded"} 2')
    expect(lines).toContain('platxa_wake_requests_total{class="B",outcome="not now"} 1')
  })

  it('tell a wake by its trigger, and how long each phase took to be seen', async () => {
    const marks = { requested: 10, scheduled: 200, starting: 700, database: 1_200, ready: 2_400 }
    const lines = await told((metrics) => {
      metrics.scaleAsked()
      metrics.woken(waking({ wish: { trigger: 'cron', why: 'a job is due' }, marks }), 2_400)
      metrics.failed('http', 'quota')
    })
    expect(lines).toContain('platxa_wake_wakes_total{trigger="cron",outcome="woken"} 1')
    expect(lines).toContain('platxa_wake_wakes_total{trigger="http",outcome="quota"} 1')
    expect(lines).toContain('platxa_wake_patches_total 1')
    const sum = (phase: string): string => `platxa_wake_phase_seconds_sum{phase="${phase}"}`
    expect(lines).toContain(`${sum('scheduled')} 0.2`)
    expect(lines).toContain(`${sum('database')} 1.2`)
    expect(lines).toContain(`${sum('total')} 2.4`)
    expect(lines).toContain(`${sum('pulling')} 0`)
  })

  it('tell who waits, for how long, and what that added', async () => {
    const lines = await told((metrics) => {
      metrics.held(1_500, 'let in')
      metrics.addedAfterReady(4)
    })
    expect(lines).toContain('platxa_wake_holds 3')
    expect(lines).toContain('platxa_wake_parked_sockets 4')
    expect(lines).toContain('platxa_wake_held_seconds_sum{end="let in"} 1.5')
    expect(lines).toContain('platxa_wake_added_after_ready_seconds_sum 0.004')
  })

  it('tell what became of fences, sockets and bounds', async () => {
    const lines = await told((metrics) => {
      metrics.fence('raised')
      metrics.fence('already fenced')
      metrics.socket('parked')
      metrics.overBudget('wakes per client', 'other')
    })
    expect(lines).toContain('platxa_wake_fences_total{outcome="raised"} 1')
    expect(lines).toContain('platxa_wake_fences_total{outcome="already fenced"} 1')
    expect(lines).toContain('platxa_wake_sockets_total{outcome="parked"} 1')
    expect(lines).toContain('platxa_wake_over_budget_total{budget="wakes per client",who="other"} 1')
  })

  it('tell the state of all instances together', async () => {
    const lines = await told(() => undefined)
    expect(lines).toContain('platxa_wake_instances{state="awake"} 1')
    expect(lines).toContain('platxa_wake_instances{state="fenced"} 1')
    expect(lines).toContain('platxa_wake_instances{state="asleep"} 1')
  })

  it('have no label that a client could fill: their names are these', async () => {
    const lines = await told((metrics) => {
      metrics.request('C', 'page')
      metrics.held(1, 'full')
      metrics.woken(waking({ marks: { ready: 1 } }), 1)
      metrics.overBudget('holds in all', 'nobody')
      metrics.socket('refused')
      metrics.fence('lifted')
    })
    const labels = new Set(lines.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label]) => label)))
    expect(labels).toEqual(new Set(['budget', 'class', 'end', 'le', 'outcome', 'phase', 'state', 'trigger', 'who']))
  })
})
