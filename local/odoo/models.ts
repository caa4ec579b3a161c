// The few records that the stand-in knows: users (to read) and notes (to read and to add).
import type { Database } from './database.ts'

/** An error that Odoo's clients know by the name of its Python class. */
export class OdooError extends Error {
  override readonly name: string

  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

export const accessDenied = (): OdooError => new OdooError('odoo.exceptions.AccessDenied', 'Access Denied')

export interface Call {
  readonly model: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** Tells every open tab, as Odoo's bus does. */
export type Notify = (type: string, payload: unknown) => void

export async function execute(call: Call, database: Database, notify: Notify): Promise<unknown> {
  switch (`${call.model}.${call.method}`) {
    case 'res.users.search_read':
      return (await database.users()).map(({ id, login }) => ({ id, login }))
    case 'res.users.search_count':
      return (await database.users()).length
    case 'standin.note.search_read':
      return await database.notes()
    case 'standin.note.search_count':
      return (await database.notes()).length
    case 'standin.note.create': {
      const note = await database.addNote(textOf(call))
      notify('standin.note', note)
      return note.id
    }
    default:
      throw new OdooError(
        'odoo.exceptions.UserError',
        `The stand-in for Odoo does not know ${call.model}.${call.method}. It knows res.users and standin.note.`,
      )
  }
}

/** `create` takes one record or a list of them, by position or as `vals_list`; the stand-in takes the first. */
function textOf({ args, kwargs }: Call): string {
  const values: unknown = args[0] ?? kwargs['vals_list']
  const first: unknown = Array.isArray(values) ? values[0] : values
  if (typeof first === 'object' && first !== null && 'text' in first && typeof first.text === 'string')
    return first.text
  throw new OdooError('odoo.exceptions.ValidationError', 'A note needs a text.')
}
