// The table of who speaks to whom, held against the Triggers and against the sources of the functions.
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { eventTypes } from '#shared/events/contracts/json-schema.ts'
import { functionNames, isFunction, traffic } from '#shared/events/traffic.ts'
import { ofKind } from '#test/manifests/base.ts'

const trigger = z.object({
  filter: z.object({ attributes: z.object({ type: z.string() }) }),
  subscriber: z.object({ ref: z.object({ name: z.string() }) }),
})
const brought = ofKind('Trigger').map(({ spec }) => {
  const { filter, subscriber } = trigger.parse(spec)
  return `${filter.attributes.type} → ${subscriber.ref.name.replace(/^wake-events$/, 'wake')}`
})

const functions = new URL('../../../functions/', import.meta.url)

async function sourcesOf(name: string): Promise<string> {
  const files = (await readdir(new URL(`${name}/`, functions))).filter((file) => file.endsWith('.ts'))
  return (await Promise.all(files.map((file) => readFile(new URL(`${name}/${file}`, functions), 'utf8')))).join('\n')
}

describe('shared/events/traffic', () => {
  it('has every Trigger, and none that is not there', () => {
    const told = eventTypes.flatMap((type) => traffic[type].to.filter(isFunction).map((name) => `${type} → ${name}`))
    expect(told.toSorted()).toEqual(brought.toSorted())
  })

  it('has every function that takes or sends events', async () => {
    const folders = (await readdir(functions)).filter((name) => name !== 'dead-letter')
    expect(folders.filter((name) => !functionNames.some((known) => known === name))).toEqual([])
  })

  it.each(functionNames.filter((name) => existsSync(new URL(name, functions))))(
    'says of %s what its sources speak of',
    async (name) => {
      const sources = await sourcesOf(name)
      const spoken = eventTypes.filter((type) => sources.includes(`'${type}'`))
      const told = eventTypes.filter((type) => [...traffic[type].from, ...traffic[type].to].includes(name))
      expect(spoken).toEqual(told)
    },
  )

  it.each(eventTypes)('says in one sentence what %s means', (type) => {
    expect(traffic[type].means).toMatch(/^[A-Z][^.]+\.$/)
  })
})
