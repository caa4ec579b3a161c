// manifests/postgres/platform.sql does with psql what shared/postgres/platform.ts does for `npm start`: two fresh servers,
// one prepared by each, must end up the same.
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { startPostgres } from '#local/postgres/start.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { preparePlatform } from '#shared/postgres/platform.ts'
import { silentLog } from '#test/world/postgres.ts'
import { makeRunFolder } from '#test/world/run-folder.ts'

const PASSWORD = 'secret-of-the-platform'
const signal = () => AbortSignal.timeout(60_000)
const script = await readFile(new URL('../../manifests/postgres/platform.sql', import.meta.url), 'utf8')

/** A fresh server, before anything of ours. */
async function withServer(use: (root: Admin) => Promise<void>): Promise<void> {
  const folder = await makeRunFolder()
  const server = await startPostgres({
    dataDir: folder.postgres,
    durable: false,
    signal: new AbortController().signal,
    log: silentLog,
  })
  try {
    await use(connectPostgres(settingsFromUrl(server.adminUrl)))
  } finally {
    await server.stop()
    await folder.remove()
  }
}

/** What psql does with this script: `\gexec` runs what a query gives, a value that `\getenv` read is quoted in. */
async function runScript(root: Admin, password: string): Promise<void> {
  const commands = script
    .replaceAll(/^(--|\\getenv|\\set).*$/gm, '')
    .replaceAll(":'password'", `'${password}'`)
    .split(/(;|\\gexec)\s*\n/)
  await root.session({ signal: signal() }, async (session) => {
    for (let at = 0; at + 1 < commands.length; at += 2) {
      const rows = await session.query<Record<string, string>>(commands[at] ?? '')
      if (commands[at + 1] !== '\\gexec') continue
      for (const text of rows.flatMap((row) => Object.values(row))) await session.query(text)
    }
  })
}

function stateOf(root: Admin): Promise<unknown> {
  return root.session({ signal: signal() }, async (session) => ({
    role: await session.query(
      `SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit
       FROM pg_roles WHERE rolname = 'platxa'`,
    ),
    databases: await session.query(
      `SELECT datname, array(SELECT a::text FROM unnest(datacl) a ORDER BY 1) AS acl FROM pg_database ORDER BY datname`,
    ),
    functions: await session.query(
      `SELECT oid::regprocedure::text AS name, array(SELECT a::text FROM unnest(proacl) a ORDER BY 1) AS acl
       FROM pg_proc WHERE proname ~ 'advisory' ORDER BY 1`,
    ),
  }))
}

describe('manifests/postgres/platform.sql', () => {
  it('prepares a server as npm start does, and the second time changes nothing', async () => {
    let byCode: unknown
    await withServer(async (root) => {
      await preparePlatform({ root, user: 'platxa', password: PASSWORD, signal: signal() })
      byCode = await stateOf(root)
    })
    await withServer(async (root) => {
      for (const password of ['another-password', PASSWORD]) {
        await runScript(root, password)
        expect(await stateOf(root)).toEqual(byCode)
      }
      const platform = connectPostgres({ ...root.settings, user: 'platxa', password: PASSWORD })
      expect(await platform.session({ signal: signal() }, (session) => Promise.resolve(session.user))).toBe('platxa')
    })
  })
})
