import { describe, expect, it } from 'vitest'
import { isDatabaseManager } from '#functions/wake/route.ts'

describe('the database manager', () => {
  it.each([
    '/web/database/manager',
    '/web/database/selector?x=1',
    '/web/database',
    '/web//database/create',
    '/web/%64atabase/backup',
    '/web%2Fdatabase/drop',
    '/fr/web/database/list',
    '/pt_BR/web/database/restore',
    '/sr@latin/web/database/manager',
    '/es_419/web/database/manager',
    '/en-us/web/database',
  ])('is closed: %s', (path) => {
    expect(isDatabaseManager(path)).toBe(true)
  })

  it.each([
    '/web',
    '/odoo/database',
    '/web/databases',
    '/shop/database',
    '/web/dataset/call_kw?path=/web/database/manager',
    '/web/%zz',
    '/blog/web/database-for-beginners',
  ])('is not this: %s', (path) => {
    expect(isDatabaseManager(path)).toBe(false)
  })
})
