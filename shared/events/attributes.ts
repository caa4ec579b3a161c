import { z } from 'zod'
import { EventRefused } from '#shared/events/refused.ts'

/** The envelope stays open: Knative adds extensions of its own to every event. */
export interface Envelope<Type extends string = string, Data = unknown> {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: Type
  readonly subject?: string | undefined
  /** RFC 3339. */
  readonly time?: string | undefined
  readonly datacontenttype?: string | undefined
  readonly dataschema?: string | undefined
  /** A JSON value, text, bytes (`Uint8Array`), or undefined when the event has no data. */
  readonly data: Data
  readonly extensions: Readonly<Record<string, string>>
}

/** CloudEvents 1.0 "Type System": no control characters, no noncharacters, no halves of surrogate pairs. */
const forbidden = /[\p{Cc}\p{Noncharacter_Code_Point}]/u
const text = z
  .string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be a string') })
  .refine((value) => value.isWellFormed() && !forbidden.test(value), 'contains a character that is not allowed')
const nonEmpty = text.min(1, 'must not be empty')

const timestamp = nonEmpty.refine(isTimestamp, 'must be a timestamp by RFC 3339')
const extensionValue = z
  .union([text, z.boolean(), z.int32()], { error: 'must be a string, a boolean or an integer' })
  .transform(String)

const known = z.object({
  specversion: text.pipe(z.literal('1.0', 'must be 1.0')),
  id: nonEmpty,
  source: nonEmpty,
  type: nonEmpty,
  subject: nonEmpty.optional(),
  time: timestamp.optional(),
  datacontenttype: nonEmpty.optional(),
  dataschema: nonEmpty.refine((value) => URL.canParse(value), 'must be an absolute URI').optional(),
})
const attributes = known.catchall(extensionValue)

const extensionName = /^[a-z0-9]+$/

/** Whether a name may be that of an attribute; `data` is taken by the payload. */
export function isAttributeName(name: string): boolean {
  return extensionName.test(name) && name !== 'data'
}

/** Turns what a header block or a JSON object said into an envelope, or refuses it with the name of the first attribute at fault. */
export function checkAttributes(raw: Readonly<Record<string, unknown>>, data: unknown): Envelope {
  for (const name of Object.keys(raw)) {
    if (!isAttributeName(name))
      throw new EventRefused(400, name, 'is not a name an attribute may have: a-z and 0-9 only')
  }
  const checked = attributes.safeParse(raw)
  if (!checked.success) {
    const [fault] = checked.error.issues
    throw new EventRefused(400, String(fault?.path[0] ?? 'envelope'), fault?.message ?? 'is broken')
  }
  const { specversion, id, source, type, subject, time, datacontenttype, dataschema, ...extensions } = checked.data
  return { specversion, id, source, type, subject, time, datacontenttype, dataschema, data, extensions }
}

function isTimestamp(value: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(value)) return false
  try {
    Temporal.Instant.from(value)
    return true
  } catch {
    return false
  }
}
