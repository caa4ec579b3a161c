// Everything that a real browser asked of a real Odoo 19 in three minutes, with a person at it and without.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { classify, classOf, pathOf, type Class } from '#functions/wake/classes/classify.ts'

interface Recorded {
  readonly t: number
  readonly mark?: string
  readonly method?: string
  readonly path?: string
  readonly accept?: string
  readonly mode?: string
}

const session = readFileSync(new URL('odoo-session.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Recorded => JSON.parse(line))
const requests = session.flatMap(({ t, method, path, accept = '', mode = '' }) => {
  if (!method || !path) return []
  const requestClass = classOf(classify(method, path, { accept, 'sec-fetch-mode': mode }))
  return [{ t, asked: `${method} ${pathOf(path)}`, class: requestClass }]
})
const askedAs = (wanted: Class) => requests.filter((request) => request.class === wanted).map(({ asked }) => asked)
const momentOf = (wanted: string) => session.find(({ mark }) => mark === wanted)?.t ?? 0

describe('the recorded session of a real Odoo 19', () => {
  it('has activity within three seconds of everything the person does on the server', () => {
    const local = new Set(['start', 'apps-menu', 'user-save', 'reading'])
    const acts = session.filter(({ mark }) => mark !== undefined && !local.has(mark))
    expect(acts.length).toBeGreaterThan(8)
    for (const { t, mark } of acts) {
      const answer = requests.find((seen) => seen.class === 'A' && seen.t >= t && seen.t < t + 3)
      expect(answer, `after "${mark}"`).toBeDefined()
    }
  })

  const parts = /^GET .*(\/static\/|\/web\/image|\/web\/assets\/)/
  const chatter = ['GET /web/manifest.webmanifest', 'GET /web/service-worker.js', 'GET /bus/websocket_worker_bundle']

  it('takes for background the worker of the socket, the service worker and the manifest, and nothing else', () => {
    expect(new Set(askedAs('B'))).toEqual(new Set(chatter))
  })

  it('takes every picture, script and style for neutral, and nothing else', () => {
    expect(askedAs('C').length).toBeGreaterThan(20)
    for (const request of requests)
      expect([request.asked, request.class === 'C']).toEqual([request.asked, parts.test(request.asked)])
  })

  it('takes every other request for activity: all of them came of what the person did', () => {
    const work = requests.filter(({ asked }) => !parts.test(asked) && !chatter.includes(asked))
    expect(work.length).toBeGreaterThan(80)
    expect(work.filter((request) => request.class !== 'A')).toEqual([])
  })

  it('has no activity while the person only reads: the tab alone asks for nothing that counts', () => {
    const [from, to] = [momentOf('reading'), momentOf('logout')]
    expect(to - from).toBeGreaterThan(45)
    expect(requests.filter(({ t, class: requestClass }) => requestClass === 'A' && t > from && t < to)).toEqual([])
  })
})

describe('a forgotten tab, whatever becomes of its instance', () => {
  it.each([
    ['it connects', 'GET', '/websocket?version=19.0-2'],
    ['it has connected again', 'POST', '/bus/has_missed_notifications'],
    ['it lost its connection', 'POST', '/web/webclient/version_info'],
    ['its service worker looks for an update', 'GET', '/web/service-worker.js'],
    ['an Odoo 14 or 15 polls', 'POST', '/longpolling/poll'],
    ['an Odoo 14 asks who is online', 'POST', '/longpolling/im_status'],
  ])('%s: %s %s is no activity', (_, method, path) => {
    expect(classOf(classify(method, path, { accept: '*/*', 'sec-fetch-mode': 'cors' }))).not.toBe('A')
  })
})
