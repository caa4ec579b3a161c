// What requests mean, as rows of one table: `B:health GET,HEAD /web/health`. The built-in table (class-table.ts) and the
// operator's own rows (CLASSES) are read by the same rules; the first row that fits wins, and what no row fits is
// activity. Pure.
import { z } from 'zod'

export const kindWords = {
  A: 'activity',
  B: 'background',
  C: 'asset',
  'B:missed-notifications': 'missed notifications',
  'B:version-info': 'version info',
  'B:long-poll': 'long poll',
  'B:health': 'health',
  'B:robots': 'robots',
  'B:icon': 'icon',
  'B:monitor': 'monitor',
  'B:crawler': 'crawler',
} as const
export type RowKind = (typeof kindWords)[keyof typeof kindWords]

export interface Row {
  readonly kind: RowKind
  /** None stands for every method. */
  readonly methods: readonly string[]
  // `/web/health`, `/longpolling/*` (everything below), a star between two slashes for one name, or `*` for any path.
  readonly path: string
  readonly headers: readonly HeaderRow[]
}

export interface HeaderRow {
  readonly name: string
  /** In lower case; one of them has to fit. */
  readonly patterns: readonly string[]
}

const longestLine = 4000
const mostLines = 500

const kind = z.enum(Object.keys(kindWords) as (keyof typeof kindWords)[], {
  error: () => `the class must be ${Object.keys(kindWords).join(', ')}`,
})
const methods = z
  .string()
  .regex(/^(\*|[A-Z]+(,[A-Z]+)*)$/, 'the method must be * or names in capitals, such as GET,POST')
const path = z
  .string()
  .regex(/^(\*|\/[^?#]*)$/, 'the path must be * or begin with a slash, and has no query')
  .refine((text) => !text.includes('//'), 'the path must not have two slashes in a row')
const header = z
  .string()
  .regex(/^[a-z0-9-]+=\S+$/, 'a header must be name=pattern|pattern, its name in lower case')
  .transform((text): HeaderRow => {
    const split = text.indexOf('=')
    return {
      name: text.slice(0, split),
      patterns: text
        .slice(split + 1)
        .toLowerCase()
        .split('|')
        .filter(Boolean),
    }
  })
const row = z.tuple([kind, methods, path], header)

/** One row a line; empty lines and what follows ` #` are for people. Each fault names its line. */
export function parseRows(text: string): { readonly rows: readonly Row[]; readonly faults: readonly string[] } {
  const rows: Row[] = []
  const faults: string[] = []
  const lines = text.split('\n')
  if (lines.length > mostLines) faults.push(`line ${mostLines + 1}: there may be at most ${mostLines} lines`)
  for (const [index, line] of lines.slice(0, mostLines).entries()) {
    const words = line.replace(/(^|\s)#.*$/, '').trim()
    if (words === '') continue
    const fault = (what: string): number => faults.push(`line ${index + 1}: ${what}`)
    if (words.length > longestLine) {
      fault(`it must have at most ${longestLine} characters`)
      continue
    }
    const parsed = row.safeParse(words.split(/\s+/))
    if (!parsed.success) {
      fault(parsed.error.issues.map(faultOf).join('; '))
      continue
    }
    const [word, names, where, ...headers] = parsed.data
    rows.push({ kind: kindWords[word], methods: names === '*' ? [] : names.split(','), path: where, headers })
  }
  return { rows, faults }
}

function faultOf({ code, message }: { readonly code?: string | undefined; readonly message: string }): string {
  return code === 'too_small' || message.endsWith('received undefined')
    ? 'it needs a class, a method and a path'
    : message
}

/** CLASSES: a bad row is a bad setting, and a process with bad settings does not start. */
export const classRows = z.string().transform((text, context): readonly Row[] => {
  const { rows, faults } = parseRows(text)
  for (const fault of faults) context.addIssue(fault)
  return rows
})
