import { describe, expect, it } from 'vitest'
import { createBudgets, networkOf, whoAsks } from '#functions/wake/budget.ts'

const minute = 60_000
const hour = 60 * minute
const demo = {}
const shop = {}

describe('wake budgets', () => {
  it('give a client one hour’s worth at once, and then as many as are saved up meanwhile', () => {
    const budgets = createBudgets({ wakesPerClient: 4, wakesPerInstance: 0 })
    const spend = (now: number): unknown => budgets.spend(demo, '203.0.113.9', 'person', now)
    expect([0, 0, 0, 0].map(spend)).toEqual([undefined, undefined, undefined, undefined])
    expect(spend(0)).toEqual({ budget: 'wakes per client', retryAfter: 15 * 60 })
    expect(spend(10 * minute)).toEqual({ budget: 'wakes per client', retryAfter: 5 * 60 })
    expect(spend(15 * minute)).toBeUndefined()
    expect([30, 30, 30, 30].map((hours) => spend(hours * hour))).not.toContainEqual(expect.anything())
    expect(spend(30 * hour)).toBeDefined()
  })

  it('count clients apart, and what looks like a person apart from the rest of its network', () => {
    const budgets = createBudgets({ wakesPerClient: 1, wakesPerInstance: 0 })
    expect(budgets.spend(demo, '203.0.113.9', 'other', 0)).toBeUndefined()
    expect(budgets.spend(shop, '203.0.113.9', 'other', 0)).toBeDefined()
    expect(budgets.spend(shop, '203.0.113.9', 'person', 0)).toBeUndefined()
    expect(budgets.spend(shop, '203.0.113.10', 'other', 0)).toBeUndefined()
  })

  it('let no bots of many addresses wake one instance all the time, and refuse no person for it', () => {
    const budgets = createBudgets({ wakesPerClient: 60, wakesPerInstance: 2 })
    const bot = (host: number): unknown => budgets.spend(demo, `198.51.100.${host}`, 'other', 0)
    expect([1, 2].map(bot)).toEqual([undefined, undefined])
    expect(bot(3)).toEqual({ budget: 'wakes per instance', retryAfter: 30 * 60 })
    expect(budgets.spend(demo, '203.0.113.9', 'person', 0)).toBeUndefined()
    expect(budgets.spend(shop, '198.51.100.3', 'other', 0)).toBeUndefined()
  })

  it('take nothing from a client whom the instance’s budget has turned away', () => {
    const budgets = createBudgets({ wakesPerClient: 1, wakesPerInstance: 1 })
    expect(budgets.spend(demo, '198.51.100.1', 'other', 0)).toBeUndefined()
    expect(budgets.spend(demo, '198.51.100.2', 'other', 0)).toMatchObject({ budget: 'wakes per instance' })
    expect(budgets.spend(shop, '198.51.100.2', 'other', 0)).toBeUndefined()
  })

  it('do not count a client that nobody names, and have no limit at 0', () => {
    const budgets = createBudgets({ wakesPerClient: 1, wakesPerInstance: 0 })
    for (let i = 0; i < 100; i += 1) expect(budgets.spend(demo, undefined, 'other', 0)).toBeUndefined()
    const none = createBudgets({ wakesPerClient: 0, wakesPerInstance: 0 })
    for (let i = 0; i < 100; i += 1) expect(none.spend(demo, '203.0.113.9', 'other', 0)).toBeUndefined()
  })

  it('remember no more than so many clients, the latest ones', () => {
    const budgets = createBudgets({ wakesPerClient: 1, wakesPerInstance: 0 })
    const spend = (i: number): unknown => budgets.spend(demo, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'other', 0)
    for (let i = 0; i < 20_001; i += 1) spend(i)
    expect(spend(20_000)).toBeDefined()
    expect(spend(0)).toBeUndefined()
  })

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2:ffff::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1:2:3:4', 'fe80:0:0:0::/64'],
  ])('count %s as %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('who asks', () => {
  it.each([
    ['a browser that opens a page', 'page load', { accept: 'text/html' }, 'person'],
    ['a click in an open tab', 'call', { 'sec-fetch-mode': 'cors' }, 'person'],
    ['an old browser that has signed in', 'call', { cookie: 'frontend_lang=en_US; session_id=abc' }, 'person'],
    ['an API client', 'call', { 'user-agent': 'python-requests/2' }, 'other'],
    ['a webhook', 'call', { cookie: 'a=b' }, 'other'],
  ] as const)('%s is a %s', (_what, kind, headers, who) => {
    expect(whoAsks(kind, headers)).toBe(who)
  })
})
