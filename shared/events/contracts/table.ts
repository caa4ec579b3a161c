// The table of events in the README.
import type { EventType } from '#shared/events/catalogue.ts'
import { eventTypes, jsonSchemaOf, type JsonSchema } from '#shared/events/contracts/json-schema.ts'
import { traffic } from '#shared/events/traffic.ts'

/** Markdown, header first, without padding. */
export function eventTable(): readonly string[] {
  return [
    '| type | from → to | data | what it says |',
    '| --- | --- | --- | --- |',
    ...eventTypes.map((type) => `| ${cellsOf(type).join(' | ')} |`),
  ]
}

function cellsOf(type: EventType): readonly string[] {
  const { from, to, means } = traffic[type]
  const short = type.replace(/^io\.platxa\.(.*)\.v1$/, '$1')
  return [
    `\`${short}\``,
    `${from.join(', ')} → ${to.join(', ') || 'whoever listens'}`,
    dataOf(jsonSchemaOf(type)),
    means,
  ]
}

/** `name, tier, template?`: the fields, with a question mark behind those that may be left out. */
function dataOf({ properties = {}, required = [] }: JsonSchema): string {
  const fields = Object.entries(properties).map(([name, field]) => {
    const values = typeof field === 'object' && name !== 'name' ? fieldKind(field) : ''
    return `${name}${required.includes(name) ? '' : '?'}${values}`
  })
  return fields.length === 0 ? 'none' : fields.join(', ')
}

/** Only what a name does not tell: a list, an object. */
function fieldKind({ type }: JsonSchema): string {
  if (type === 'array') return '[]'
  return type === 'object' ? '{}' : ''
}
