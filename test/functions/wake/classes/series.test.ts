// Each series of Odoo has paths of its own for the same things (its controllers and the scripts of its web client).
import { describe, expect, it } from 'vitest'
import { classify, classOf, type Class } from '#functions/wake/classes/classify.ts'
import { odooVersion, type OdooVersion } from '#shared/instance/versions.ts'

type Asked = readonly [since: OdooVersion, until: OdooVersion, request: `${'GET' | 'POST'} /${string}`]

const idleTab: readonly Asked[] = [
  ['14', '15', 'POST /longpolling/poll'],
  ['14', '15', 'POST /longpolling/im_status'],
  ['14', '15', 'POST /website/update_visitor_last_connection'],
  ['14', '19', 'POST /calendar/notify'],
  ['14', '19', 'POST /web/webclient/version_info'],
  ['16', '17', 'POST /bus/im_status'],
  ['16', '19', 'GET /websocket?version=19.0-2'],
  ['16', '19', 'POST /bus/has_missed_notifications'],
  ['16', '19', 'GET /web/service-worker.js'],
  ['16', '19', 'GET /web/manifest.webmanifest'],
]

const person: readonly Asked[] = [
  ['14', '17', 'GET /web'],
  ['18', '19', 'GET /odoo'],
  ['18', '19', 'GET /odoo/contacts/42'],
  ['14', '19', 'GET /web/login'],
  ['14', '19', 'POST /web/login'],
  ['14', '19', 'POST /web/session/authenticate'],
  ['14', '19', 'POST /web/action/load'],
  ['14', '19', 'POST /web/dataset/call_kw/res.partner/read'],
  ['14', '19', 'POST /web/dataset/call_button'],
  ['14', '15', 'POST /web/dataset/search_read'],
  ['14', '14', 'POST /mail/chat_post'],
  ['15', '19', 'POST /mail/message/post'],
  ['14', '19', 'POST /web/binary/upload_attachment'],
  ['14', '19', 'GET /report/pdf/sale.report_saleorder/1'],
  ['14', '19', 'GET /my/orders'],
  ['14', '19', 'GET /shop'],
  ['14', '19', 'POST /xmlrpc/2/object'],
  ['14', '19', 'POST /jsonrpc'],
  ['19', '19', 'POST /json/2/res.partner/search_read'],
]

const partOfPage: readonly Asked[] = [
  ['14', '15', 'GET /web/content/312-5b6b4a2/web.assets_backend.js'],
  ['16', '19', 'GET /web/assets/1/23934d7/web.assets_web.min.js'],
  ['14', '19', 'GET /web/static/img/favicon.ico'],
  ['14', '19', 'GET /web/image/res.partner/3/avatar_128'],
]

function asksOf(version: OdooVersion, asked: readonly Asked[]): readonly string[] {
  const number = Number(version)
  return asked.flatMap(([since, until, request]) =>
    number >= Number(since) && number <= Number(until) ? [request] : [],
  )
}

function classesOf(requests: readonly string[], mode: string): Record<string, Class> {
  return Object.fromEntries(
    requests.map((request) => {
      const [method = '', target = ''] = request.split(' ')
      const headers = { accept: mode === 'navigate' ? 'text/html,*/*;q=0.8' : '*/*', 'sec-fetch-mode': mode }
      return [request, classOf(classify(method, target, headers))]
    }),
  )
}

const all = (requests: readonly string[], wanted: Class) => Object.fromEntries(requests.map((one) => [one, wanted]))

describe.each(odooVersion.options)('Odoo %s', (version) => {
  it('has background in what a forgotten tab asks for, whatever mode its browser names', () => {
    const requests = asksOf(version, idleTab)
    expect(requests.length).toBeGreaterThan(4)
    expect(classesOf(requests, 'cors')).toEqual(all(requests, 'B'))
    expect(classesOf(requests, 'same-origin')).toEqual(all(requests, 'B'))
  })

  it('has activity in all that a person or an API client does', () => {
    const requests = asksOf(version, person)
    expect(classesOf(requests, 'cors')).toEqual(all(requests, 'A'))
    expect(classesOf(requests, 'navigate')).toEqual(all(requests, 'A'))
  })

  it('has parts of pages that say nothing alone', () => {
    const requests = asksOf(version, partOfPage)
    expect(requests).toHaveLength(3)
    expect(classesOf(requests, 'no-cors')).toEqual(all(requests, 'C'))
  })
})
