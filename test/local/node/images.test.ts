import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { localImages, nameOf } from '#local/node/images.ts'

const place = { root: '/pods/a/root', podIP: '127.77.0.5' }
const options = {
  repository: '/repo',
  node: '/bin/node',
  compileCache: '/cache',
  standInEnv: { STANDIN_START_SECONDS: '1' },
}

describe('the name of an image', () => {
  it.each([
    ['odoo', 'odoo'],
    ['odoo:19.0', 'odoo'],
    ['registry.example:5000/team/odoo:19.0', 'odoo'],
    ['ghcr.io/platxa/platxa-functions@sha256:abc', 'platxa-functions'],
    ['ghcr.io/platxa/platxa-functions:1.0@sha256:abc', 'platxa-functions'],
    ['', ''],
  ])('of %s is %s', (image, name) => {
    expect(nameOf(image)).toBe(name)
  })
})

describe('an image', () => {
  const images = localImages(options)

  it('platxa-functions runs the function that its first argument names', () => {
    expect(images({ image: 'ghcr.io/platxa/platxa-functions:1.0', args: ['wake', '--x'] }, place)).toEqual({
      file: '/bin/node',
      args: ['/repo/functions/wake/main.ts', '--x'],
      env: { NODE_COMPILE_CACHE: '/cache' },
    })
  })

  it('platxa-functions runs a job as it runs a function', () => {
    const here = localImages({ ...options, repository: process.cwd() })
    const program = here({ image: 'platxa-functions', args: ['template', 'prepare'] }, place)
    expect(program?.args).toEqual([join(process.cwd(), 'jobs/template/main.ts'), 'prepare'])
  })

  it('odoo runs the stand-in, whatever command the pod gives', () => {
    expect(images({ image: 'odoo:19.0', command: ['odoo'] }, place)).toEqual({
      file: '/bin/node',
      args: ['/repo/local/odoo/main.ts'],
      env: { NODE_COMPILE_CACHE: '/cache', STANDIN_START_SECONDS: '1' },
    })
  })

  it('odoo runs the real one when there is one, and the pooler only with it', () => {
    const real = localImages({ ...options, odoo: { from: 'root', root: '/debian', args: [] } })
    expect(real({ image: 'odoo:19.0', command: ['odoo'] }, place)?.args).toContain('/debian')
    expect(real({ image: 'platxa-pgbouncer', command: ['pgbouncer', '/a.ini'] }, place)?.args).toContain('/debian')
    expect(images({ image: 'platxa-pgbouncer', command: ['pgbouncer', '/a.ini'] }, place)).toBeUndefined()
  })

  it.each(['postgres:17', 'notodoo', 'odoology', ''])('%s is none that can be pulled', (image) => {
    expect(images({ image }, place)).toBeUndefined()
  })
})
