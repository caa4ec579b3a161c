import { describe, expect, it } from 'vitest'
import type { Entry, Usage } from '#functions/wake/instance/entry.ts'
import type { Life } from '#functions/wake/instance/life.ts'
import { createWakeMetrics } from '#functions/wake/metrics.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { asleep, awake, entryOf, room } from './instance/rooms-of.ts'

const NOW = 5_000_000
const awakeSince = 1_795_435_200

function entry(name: string, life: Life, usage: Partial<Usage> | null): Entry {
  const nothing = { inFlight: 0, sockets: 0, parked: 0, activeAt: null, humanAt: null, rhythm: null }
  return { ...entryOf(room(life), { name, awakeSince }), usage: usage && { ...nothing, ...usage } }
}

/** What Prometheus would read, and how many seconds ago the instance was last used. */
async function scrape(...entries: Entry[]) {
  const registry = createMetrics()
  createWakeMetrics(registry, { holds: () => 0, parked: () => 0, entries: () => entries, now: () => NOW })
  const text = await registry.metrics()
  const used = /^platxa_wake_last_activity_timestamp_seconds\{name="demo"\} (.+)$/m.exec(text)?.[1]
  return { text, usedAgo: used === undefined ? undefined : Math.round(Date.now() / 1000 - Number(used)) }
}

describe('what a wake replica says of an instance', () => {
  const rows: [string, Partial<Usage> | null, number | undefined][] = [
    ['never used here: nothing', null, undefined],
    ['only ever a forgotten tab: nothing', { sockets: 1 }, undefined],
    ['a request ended half an hour ago', { activeAt: NOW - 1_800_000 }, 1800],
    [
      'a person moved five minutes ago, the last request is older',
      { activeAt: NOW - 900_000, humanAt: NOW - 300_000 },
      300,
    ],
    ['a long download began an hour ago and goes on: used now', { inFlight: 1, activeAt: NOW - 3_600_000 }, 0],
  ]
  it.each(rows)('%s', async (_, usage, ago) => {
    const { usedAgo } = await scrape(entry('demo', awake, usage))
    if (ago === undefined) expect(usedAgo).toBeUndefined()
    else expect(Math.abs((usedAgo ?? Infinity) - ago)).toBeLessThan(60)
  })

  it('names the instance in a label that Prometheus leaves alone, and since when it is awake', async () => {
    const { text } = await scrape(entry('demo', awake, { sockets: 2, inFlight: 1 }))
    expect(text).toContain(`platxa_wake_awake_since_timestamp_seconds{name="demo"} ${awakeSince}\n`)
    expect(text).toContain('platxa_wake_instance_sockets{name="demo"} 2\n')
    expect(text).toContain('platxa_wake_instance_in_flight{name="demo"} 1\n')
    expect(text).not.toMatch(/\b(instance|namespace|job|pod)="/)
  })

  it('has no series of a sleeper', async () => {
    const { text } = await scrape(entry('demo', asleep, { activeAt: 1 }))
    expect(text).not.toContain('name="demo"')
  })

  it('has every outcome of a wake at 0 before the first one, so that the first failure is a rise', async () => {
    const { text } = await scrape()
    expect(text).toContain('platxa_wake_wakes_total{trigger="http",outcome="crash-loop"} 0\n')
    expect(text).toContain('platxa_wake_requests_total{class="A",outcome="full"} 0\n')
    expect(text).toContain('platxa_wake_phase_seconds_bucket{le="8",phase="total"} 0\n')
    expect(text).toContain('platxa_wake_fences_total{outcome="expired or gone"} 0\n')
  })
})
