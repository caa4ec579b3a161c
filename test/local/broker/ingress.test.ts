import { describe, expect, it } from 'vitest'
import { brokerWorld, subscriber } from './world.ts'

const good = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' }
const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
const structured = (value: unknown) => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  body: typeof value === 'string' ? value : JSON.stringify(value),
})

describe('local broker ingress', () => {
  it.each([
    ['no ce- headers', { headers: {}, body: '{}' }],
    ['no specversion', { headers: without('ce-specversion') }],
    ['no id', { headers: without('ce-id') }],
    ['no source', { headers: without('ce-source') }],
    ['no type', { headers: without('ce-type') }],
    ['an empty id', { headers: { ...good, 'ce-id': '' } }],
    ['an empty subject', { headers: { ...good, 'ce-subject': '' } }],
    ['a version of the future', { headers: { ...good, 'ce-specversion': '9.9' } }],
    ['a time that is none', { headers: { ...good, 'ce-time': 'yesterday' } }],
    ['an extension with an illegal name', { headers: { ...good, 'ce-foo_bar': 'x' } }],
    ['structured: broken JSON', structured('{')],
    ['structured: null', structured(null)],
    ['structured: a list', structured([])],
    ['structured: no id', structured({ specversion: '1.0', source: '/s', type: 't' })],
    ['a batch', { headers: { 'content-type': 'application/cloudevents-batch+json' }, body: '[]' }],
  ])('refuses with 400: %s', async (_, init) => {
    await using world = await brokerWorld([])
    const response = await fetch(`${world.url}/platxa/default`, { method: 'POST', ...init })
    expect(response.status).toBe(400)
  })

  it.each([
    ['GET', '/platxa/default', 405],
    ['PUT', '/platxa/default', 405],
    ['OPTIONS', '/platxa/default', 200],
    ['POST', '/', 404],
    ['POST', '/platxa', 400],
    ['POST', '/platxa/default/more', 400],
    ['POST', '/platxa/nobody', 404],
    ['POST', '/elsewhere/default', 404],
    ['POST', '/platxa/default/', 202],
  ])('answers %s %s with %i', async (method, path, status) => {
    await using world = await brokerWorld([])
    const response = await fetch(`${world.url}${path}`, { method, headers: good })
    expect(response.status).toBe(status)
    expect(response.headers.get('allow')).toBe('POST, OPTIONS')
  })

  it('takes the structured mode and delivers it in binary mode', async () => {
    await using sub = await subscriber()
    await using world = await brokerWorld([{ to: sub.url }])
    const event = { specversion: '1.0', id: '1', source: '/s', type: 't', flag: true, subject: 'é', data: { a: [1] } }
    const response = await fetch(`${world.url}/platxa/default`, { method: 'POST', ...structured(event) })
    expect(response.status).toBe(202)
    expect(sub.received[0]).toMatchObject({
      headers: { 'ce-id': '1', 'ce-flag': 'true', 'ce-subject': 'Ã©', 'content-type': 'application/json' },
      body: '{"a":[1]}',
    })
  })

  it('decodes data_base64', async () => {
    await using sub = await subscriber()
    await using world = await brokerWorld([{ to: sub.url }])
    const data = Buffer.from('bytes').toString('base64')
    const event = {
      specversion: '1.0',
      id: '1',
      source: '/s',
      type: 't',
      datacontenttype: 'text/plain',
      data_base64: data,
    }
    await fetch(`${world.url}/platxa/default`, { method: 'POST', ...structured(event) })
    expect(sub.received[0]).toMatchObject({ headers: { 'content-type': 'text/plain' }, body: 'bytes' })
  })
})
