import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { Kind } from '#functions/wake/classes/classify.ts'
import { kindInTime } from '#functions/wake/classes/timers.ts'
import { awake, entryOf, room } from '#test/functions/wake/instance/rooms-of.ts'

const minute = 60_000
const cookie = 'frontend_lang=en_US; session_id=abc123'
const fromPage = { 'sec-fetch-mode': 'cors', 'content-length': '120', cookie }

interface Call {
  readonly headers?: Record<string, string>
  readonly target?: string
  readonly kind?: Kind
}

/** The kinds of a call that comes every minute for four hours, with whatever else comes in between. */
function fourHoursOf(
  call: Call,
  between: (at: number) => Call | undefined = () => undefined,
  afterMs = 120 * minute,
): Kind[] {
  const entry = entryOf(room(awake))
  const look = ({ headers = fromPage, target = '/web/dataset/call_kw/board/read', kind = 'call' }: Call, now: number) =>
    kindInTime(
      kind,
      entry,
      { request: { method: 'POST', headers } as unknown as IncomingMessage, target },
      now,
      afterMs,
    )
  return Array.from({ length: 240 }, (_, index) => {
    const now = (index + 1) * minute
    const other = between(now)
    if (other !== undefined) look(other, now - 20_000)
    return look(call, now)
  })
}
const firstBackground = (kinds: readonly Kind[]) => kinds.indexOf('background') + 1

describe('a call that keeps its time', () => {
  it('is background after two hours, when it comes from a page of somebody who is signed in', () => {
    expect(firstBackground(fourHoursOf({}))).toBeGreaterThanOrEqual(120)
    expect(firstBackground(fourHoursOf({}))).toBeLessThan(135)
  })

  const stays: [string, Call][] = [
    ['an API client, however regular', { headers: { 'content-length': '120', cookie } }],
    ['a page nobody is signed in to', { headers: { 'sec-fetch-mode': 'cors', 'content-length': '120' } }],
    ['a form that is posted', { headers: { ...fromPage, 'sec-fetch-mode': 'navigate' } }],
    ['a page that is opened again and again', { kind: 'page load' }],
  ]
  it.each(stays)('stays activity: %s', (_, call) => {
    expect(firstBackground(fourHoursOf(call))).toBe(0)
  })

  it('stays activity while the same session opens a page now and then', () => {
    expect(
      firstBackground(fourHoursOf({}, (at) => (at % (60 * minute) === 0 ? { kind: 'page load' } : undefined))),
    ).toBe(0)
  })

  it('stays activity while an API client works, whose calls have a rhythm of their own', () => {
    const client = { headers: { 'content-length': '9' }, target: '/jsonrpc' }
    expect(firstBackground(fourHoursOf({}, () => client))).toBe(0)
  })

  it.each([
    ['another session', { ...fromPage, cookie: 'session_id=other' }],
    ['another length of body', { ...fromPage, 'content-length': '121' }],
  ])('is told from one of %s, or the two together would keep no time', (_, headers) => {
    const first = firstBackground(fourHoursOf({}, () => ({ headers })))
    expect(first).toBeGreaterThanOrEqual(120)
    expect(first).toBeLessThan(135)
  })

  it('is never taken for a timer where that is switched off', () => {
    expect(firstBackground(fourHoursOf({}, undefined, 0))).toBe(0)
  })

  it.each(['background', 'asset', 'health', 'version info'] as const)('leaves %s as it is', (kind) => {
    expect(new Set(fourHoursOf({ kind }))).toEqual(new Set([kind]))
  })
})
