import { describe, expect, it } from 'vitest'
import { moduleList } from '#shared/template/modules.ts'

describe('a list of modules', () => {
  it.each([
    ['base,web,crm', ['base', 'web', 'crm']],
    [' crm , sale_management ', ['base', 'web', 'crm', 'sale_management']],
    ['web,web', ['base', 'web']],
  ])('%s is %j', (text, modules) => {
    expect(moduleList.parse(text)).toEqual(modules)
  })

  it.each(['', 'crm,', 'crm; rm -rf /', '--init', 'Web', '../web'])('%j is none', (text) => {
    expect(moduleList.safeParse(text).success).toBe(false)
  })
})
