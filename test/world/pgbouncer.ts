/** A real PgBouncer with the very files that an instance's pod has; only paths and ports are those of this machine. */
import { once } from 'node:events'
import { access, chown, constants, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { choosePort } from '#local/postgres/port.ts'
import { startProgram } from '#local/postgres/process.ts'
import { serverUser } from '#local/postgres/user.ts'
import { databaseOf } from '#shared/instance/names.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { pgbouncerIni, poolerAddress, userlist } from '#shared/instance/pooler.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import { aptInstall } from '#test/apt.ts'

/** Debian puts it where only root's PATH leads. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/sbin']
const READY_MS = 10_000
const TRY_EVERY_MS = 20

export async function findPgbouncer(): Promise<string | undefined> {
  for (const path of FOLDERS.map((folder) => join(folder, 'pgbouncer'))) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** Without a path: with the reason why this machine can have none. */
export async function obtainPgbouncer(tell: (detail: string) => void): Promise<{ path?: string; fault?: string }> {
  const found = await findPgbouncer()
  if (found !== undefined) return { path: found }
  tell('apt-get install pgbouncer')
  try {
    await aptInstall('pgbouncer')
  } catch (error) {
    const fault = error instanceof Error ? (error.message.split('\n').at(-1) ?? '') : String(error)
    return { fault: `apt-get install pgbouncer: ${fault}` }
  }
  const path = await findPgbouncer()
  return path === undefined ? { fault: 'the package pgbouncer brought no program' } : { path }
}

export interface Pooler {
  readonly host: string
  readonly port: number
  stop(): Promise<void>
}

export async function startPgbouncer(options: {
  readonly program: string
  readonly spec: InstanceSpec
  readonly platform: Platform
  readonly password: string
}): Promise<Pooler> {
  const { program, spec, platform, password } = options
  const { host } = poolerAddress
  const role = databaseOf(spec.name)
  // Like PostgreSQL, it refuses to run as root.
  const user = await serverUser()
  const folder = await mkdtemp(join(tmpdir(), 'platxa-pooler-'))
  const port = await choosePort({ host, wanted: undefined, before: undefined })
  const [ini, users, log] = ['pgbouncer.ini', 'userlist.txt', 'log'].map((name) => join(folder, name)) as Paths
  await writeFile(ini, here(pgbouncerIni(spec, platform), users, port))
  await writeFile(users, userlist(role, password))
  if (user) for (const path of [folder, ini, users]) await chown(path, user.uid, user.gid)
  const output = await open(log, 'a')
  const child = startProgram(program, [ini], { user, output: output.fd })
  await output.close()
  const onExit = (): void => void child.kill('SIGKILL')
  process.once('exit', onExit)
  const stop = async (): Promise<void> => {
    const ended = child.exitCode !== null || child.signalCode !== null
    // SIGTERM: at once, without waiting for its clients.
    if (!ended && child.kill('SIGTERM')) await once(child, 'exit')
    process.off('exit', onExit)
    await rm(folder, { recursive: true, force: true })
  }
  const end = performance.now() + READY_MS
  const login = { host, port, user: role, password, database: role }
  for (let fault: unknown = await knock(login); fault !== undefined; fault = await knock(login)) {
    if (performance.now() > end || child.exitCode !== null) {
      const text = await readFile(log, 'utf8')
      await stop()
      throw new Error(`PgBouncer did not let its tenant in: ${text}`, { cause: fault })
    }
    await sleep(TRY_EVERY_MS)
  }
  return { host, port, stop }
}

type Paths = [string, string, string]

/** Replaces what can only be so in a pod, and insists that it was there. */
function here(ini: string, users: string, port: number): string {
  return [
    [`listen_port = ${poolerAddress.port}`, `listen_port = ${port}`],
    ['auth_file = /etc/pgbouncer/userlist.txt', `auth_file = ${users}`],
  ].reduce((text, [from = '', to = '']) => {
    if (!text.includes(`${from}\n`)) throw new Error(`the rendered pgbouncer.ini has no line "${from}"`)
    return text.replace(from, to)
  }, ini)
}

async function knock(login: ConstructorParameters<typeof Client>[0]): Promise<unknown> {
  const client = new Client(login)
  client.on('error', () => {})
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.end().catch(() => {})
  }
}
