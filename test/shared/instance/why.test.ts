import { describe, expect, it } from 'vitest'
import { reasonOfSleep, whyAsleep, whyAwake, whoWoke } from '#shared/instance/why.ts'

const at = (time: string) => Temporal.Instant.from(`2026-11-23T${time}Z`)
const facts = {
  since: at('12:00:03'),
  wokenBy: { trigger: 'http', class: 'A', path: '/odoo', client: 'browser' } as const,
  lastVeto: undefined,
  sleepsAt: at('12:15:03'),
}

describe('why it is awake', () => {
  it('says since when, who woke it, that it is in use, and when it sleeps at the earliest', () => {
    expect(whyAwake(facts)).toBe(
      'Awake since 2026-11-23 12:00:03 UTC; woken by somebody who opened /odoo (http, class A, browser); ' +
        'stays awake while somebody uses it; sleeps at 2026-11-23 12:15:03 UTC at the earliest; no sleep was vetoed',
    )
  })

  it('says what keeps it and which veto it was', () => {
    const lastVeto = { veto: 'presence', detail: 'somebody moved 60 s ago', at: at('12:30:00') }
    expect(whyAwake({ ...facts, lastVeto, sleepsAt: undefined })).toBe(
      'Awake since 2026-11-23 12:00:03 UTC; woken by somebody who opened /odoo (http, class A, browser); ' +
        'kept awake: somebody moved 60 s ago; last veto: presence at 2026-11-23 12:30:00 UTC',
    )
  })

  it('tells a veto of an earlier day as the last one, and not as what keeps it now', () => {
    const lastVeto = { veto: 'presence', detail: 'somebody moved 60 s ago', at: at('09:00:00') }
    expect(whyAwake({ ...facts, lastVeto })).toMatch(/stays awake while.*last veto: presence at 2026-11-23 09:00:00/)
  })

  it('has words for an instance that says nothing of itself', () => {
    const nothing = { since: undefined, wokenBy: undefined, lastVeto: undefined, sleepsAt: undefined }
    expect(whyAwake(nothing)).toBe(
      'Awake; woken by somebody who left no word; stays awake while somebody uses it; no sleep was vetoed',
    )
  })

  it.each([
    [
      { trigger: 'http', class: 'A', path: '/jsonrpc', client: 'API client' },
      'a call of /jsonrpc (http, class A, API client)',
    ],
    [{ trigger: 'http', client: 'open tab' }, 'somebody who came back to an open tab (http, open tab)'],
    [{ trigger: 'manual', client: 'event' }, 'somebody who asked for it (manual, event)'],
    [{ trigger: 'cron', client: 'event' }, 'a scheduled job that is due (cron, event)'],
    [{ trigger: 'first start' }, 'its first start after it was made (first start)'],
  ] as const)('%o is %s', (by, words) => {
    expect(whoWoke(by)).toBe(words)
  })
})

describe('why it is asleep', () => {
  const asleep = { since: at('12:20:00'), why: 'nobody used it for 17 min', wakeAt: undefined, wakeFor: undefined }

  it('says since when, and what for it will be woken', () => {
    expect(whyAsleep(asleep)).toBe('Asleep since 2026-11-23 12:20:00 UTC: nobody used it for 17 min')
    expect(whyAsleep({ ...asleep, wakeAt: at('18:00:00'), wakeFor: 'Mail: Fetchmail' })).toBe(
      'Asleep since 2026-11-23 12:20:00 UTC: nobody used it for 17 min; ' +
        'wakes at 2026-11-23 18:00:00 UTC for the scheduled job "Mail: Fetchmail"',
    )
  })

  it('gives the reason back, and only from its own words', () => {
    expect(reasonOfSleep(whyAsleep(asleep))).toBe('nobody used it for 17 min')
    expect(reasonOfSleep(whyAsleep({ ...asleep, wakeAt: at('18:00:00'), wakeFor: 'x' }))).toBe(
      'nobody used it for 17 min',
    )
    expect(reasonOfSleep(whyAwake(facts))).toBeUndefined()
    expect(reasonOfSleep('Suspended: unpaid')).toBeUndefined()
  })
})
