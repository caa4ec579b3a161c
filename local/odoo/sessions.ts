// Sessions are files below data_dir, as Odoo's are: whoever signed in stays so when the instance has slept.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { z } from 'zod'

const Content = z.object({ uid: z.number().nullable(), login: z.string().nullable(), csrf: z.string() })

/** `uid` is null for a visitor who has not signed in. */
export type Session = z.output<typeof Content> & { readonly id: string }

export interface Sessions {
  /** The session of a cookie, or a new one that is not on disk yet. */
  find(id: string | undefined): Promise<Session>
  save(session: Session): Promise<void>
  remove(session: Session): Promise<void>
}

export function sessionFiles(dataDir: string): Sessions {
  const fileOf = (id: string): string => join(dataDir, 'sessions', id.slice(0, 2), id)
  return {
    async find(id) {
      // Only what we could have made ourselves is ever used as a file name.
      if (id === undefined || !/^[A-Za-z0-9_-]{84}$/.test(id)) return newSession()
      const text = await readFile(fileOf(id), 'utf8').catch(() => undefined)
      const content = text === undefined ? undefined : parse(text)
      return content === undefined ? newSession() : { ...content, id }
    },
    async save({ id, ...content }) {
      const file = fileOf(id)
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      const fresh = `${file}.${randomBytes(4).toString('hex')}`
      await writeFile(fresh, JSON.stringify(content), { mode: 0o600 })
      await rename(fresh, file)
    },
    remove: ({ id }) => rm(fileOf(id), { force: true }),
  }
}

/** Signing in changes the id, so that an id planted before it is worth nothing afterwards. */
export function signedIn(session: Session, uid: number, login: string): Session {
  return { ...session, id: newId(), uid, login }
}

function newSession(): Session {
  return { id: newId(), uid: null, login: null, csrf: randomBytes(20).toString('hex') }
}

function newId(): string {
  return randomBytes(63).toString('base64url')
}

function parse(text: string): z.output<typeof Content> | undefined {
  try {
    return Content.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
