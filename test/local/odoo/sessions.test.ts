import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { sessionFiles, signedIn } from '#local/odoo/sessions.ts'

let dataDir: string
beforeAll(async () => (dataDir = await mkdtemp(join(tmpdir(), 'standin-'))))
afterAll(() => rm(dataDir, { recursive: true }))

describe('a session', () => {
  it('is found again by another process with the same data_dir', async () => {
    const session = signedIn(await sessionFiles(dataDir).find(undefined), 2, 'anna@example.com')
    await sessionFiles(dataDir).save(session)
    expect(await sessionFiles(dataDir).find(session.id)).toEqual(session)
  })

  it('gets a new id when somebody signs in', async () => {
    const visitor = await sessionFiles(dataDir).find(undefined)
    expect(visitor).toMatchObject({ uid: null, login: null })
    expect(signedIn(visitor, 2, 'anna@example.com').id).not.toBe(visitor.id)
  })

  it('is gone after logging out', async () => {
    const sessions = sessionFiles(dataDir)
    const session = signedIn(await sessions.find(undefined), 2, 'anna@example.com')
    await sessions.save(session)
    await sessions.remove(session)
    expect((await sessions.find(session.id)).uid).toBeNull()
  })

  it.each([
    ['a path upwards', '../../../../etc/passwd'],
    ['a path upwards of the right length', '../'.repeat(28)],
    ['an id nobody gave out', 'a'.repeat(84)],
    ['an empty id', ''],
  ])('is new for %s', async (_what, id) => {
    const session = await sessionFiles(dataDir).find(id)
    expect(session.uid).toBeNull()
    expect(session.id).not.toBe(id)
  })

  it('leaves nothing on disk until it is saved', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'standin-'))
    await sessionFiles(fresh).find(undefined)
    expect(await readdir(fresh)).toEqual([])
    await rm(fresh, { recursive: true })
  })
})
