// The contracts as they lie in manifests/ and README.md: made from the catalogue, never by hand.
import { stringify } from 'yaml'
import { asyncapiDocument } from '#shared/events/contracts/asyncapi.ts'
import { eventTypeManifests } from '#shared/events/contracts/event-types.ts'
import { jsonSchemaOf, ownTypes, schemaFileOf } from '#shared/events/contracts/json-schema.ts'
import { eventTable } from '#shared/events/contracts/table.ts'

export const schemaFolder = 'manifests/contracts/schemas'

const note = '# Made from shared/events by `npm run contracts`: change it there.\n'
const immutable = '# Knative lets nobody change an EventType: after a change, `kubectl replace --force -f` this file.\n'

/** Path in the repository → text. */
export function contractFiles(): ReadonlyMap<string, string> {
  const yaml = (value: object): string => stringify(value, { lineWidth: 120, aliasDuplicateObjects: false })
  return new Map([
    ...ownTypes.map((type): [string, string] => [
      `manifests/contracts/${schemaFileOf(type)}`,
      `${JSON.stringify(jsonSchemaOf(type), null, 2)}\n`,
    ]),
    ['manifests/contracts/asyncapi.yaml', `${note}${yaml(asyncapiDocument())}`],
    ['manifests/base/event-types.yaml', `${note}${immutable}${eventTypeManifests().map(yaml).join('---\n')}`],
  ])
}

const block = /(?<=<!-- events: npm run contracts -->\n).*?(?=<!-- end of events -->)/su

/** The README with the table of today; as it was when only the padding of its cells differs. */
export function withEventTable(readme: string): string {
  const found = block.exec(readme)
  if (found === null) throw new Error('README.md has lost the comments around its table of events')
  const table = `\n${eventTable().join('\n')}\n\n`
  return unpadded(found[0]) === unpadded(table) ? readme : readme.replace(block, () => table)
}

function unpadded(table: string): string {
  return table.replace(/ +\|/g, ' |').replace(/-{3,}/g, '---')
}
