// Runs the stand-in as the local node does: a process of its own, a folder with odoo.conf, a database of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client } from 'pg'

import { freePorts } from '#local/control-plane/ports.ts'
import { addresses } from '#test/world/addresses.ts'

export const LOGIN = 'anna@example.com'
export const PASSWORD = 'correct horse battery'

export interface Tenant {
  readonly name: string
  readonly env: Record<string, string>
  /** SQL as the administrator, in the tenant's own database unless told otherwise. */
  sql(text: string, database?: string): Promise<void>
  drop(): Promise<void>
}

/** A database with the one table of Odoo's that the stand-in reads, and a role that may do no more than it must. */
export async function tenant(adminUrl: string): Promise<Tenant> {
  const name = `odoo_${randomBytes(4).toString('hex')}`
  const password = randomBytes(9).toString('base64url')
  const sql = async (text: string, database = name): Promise<void> => {
    const url = new URL(adminUrl)
    url.pathname = `/${database}`
    const client = new Client(url.href)
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  await sql(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`, 'postgres')
  await sql(`CREATE DATABASE ${name}`, 'postgres')
  await sql(`GRANT CONNECT ON DATABASE postgres TO ${name}`, 'postgres')
  await sql(
    `GRANT USAGE, CREATE ON SCHEMA public TO ${name};
     CREATE TABLE res_users (id serial PRIMARY KEY, login text, password text, active bool DEFAULT true);
     INSERT INTO res_users (login, password) VALUES ('${LOGIN}', '${passlib(PASSWORD)}');
     ALTER TABLE res_users OWNER TO ${name}`,
  )
  const { hostname, port } = new URL(adminUrl)
  return {
    name,
    env: { PGHOST: hostname, PGPORT: port, PGUSER: name, PGPASSWORD: password },
    sql,
    drop: async () => {
      await sql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, 'postgres')
      await sql(`DROP OWNED BY ${name}; DROP ROLE ${name}`, 'postgres')
    },
  }
}

export interface Launched {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly geventPort: number
  readonly child: ChildProcess
  readonly root: string
  /** Exit code and milliseconds since `kill`, or since the start. */
  readonly exited: Promise<number | null>
  log(): string
  answering(): Promise<void>
  /** SIGTERM; resolves with the seconds it took. */
  stop(): Promise<number>
}

/** Where nobody else takes the ports before they are used. */
const address = addresses()

interface Launch {
  readonly workers?: number
  readonly env?: Record<string, string>
  /** The folder of an earlier launch, to see what survives. */
  readonly root?: string
}

export async function launch(database: Tenant, { workers = 0, env = {}, root }: Launch = {}): Promise<Launched> {
  const folder = root ?? (await mkdtemp(join(tmpdir(), 'standin-')))
  const host = address()
  const { port, geventPort } = await freePorts(host, ['port', 'geventPort'])
  await mkdir(join(folder, 'etc/odoo'), { recursive: true })
  const conf = { db_name: database.name, workers, http_port: port, gevent_port: geventPort, data_dir: '/var/lib/odoo' }
  const lines = Object.entries(conf).map(([key, value]) => `${key} = ${value}`)
  await writeFile(join(folder, 'etc/odoo/odoo.conf'), `[options]\n${lines.join('\n')}\n`)
  const child = spawn(process.execPath, ['local/odoo/main.ts'], {
    env: { ...quick, HOST: host, ...database.env, CONTAINER_ROOT: folder, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
  const url = `http://${host}:${port}`
  return {
    url,
    host,
    port,
    geventPort,
    child,
    root: folder,
    exited,
    log: () => log,
    answering: async () => {
      while (
        !(await fetch(`${url}/web/health`).then(
          ({ ok }) => ok,
          () => false,
        ))
      ) {
        if (child.exitCode !== null) throw new Error(`the stand-in ended:\n${log}`)
        await sleep(20)
      }
    },
    stop: async () => {
      const at = performance.now()
      child.kill('SIGTERM')
      await exited
      return (performance.now() - at) / 1000
    },
  }
}

export async function discard({ child, exited, root }: Launched): Promise<void> {
  child.kill('SIGKILL')
  await exited
  await rm(root, { recursive: true, force: true })
}

const quick = {
  STANDIN_START_SECONDS: '0.5',
  STANDIN_STOP_SECONDS: '0.1',
  STANDIN_CLOSE_ANSWER_SECONDS: '1.5',
}

function passlib(password: string): string {
  const salt = randomBytes(16)
  const digest = pbkdf2Sync(password, salt, 1000, 64, 'sha512')
  const adapted = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '').replaceAll('+', '.')
  return `$pbkdf2-sha512$1000$${adapted(salt)}$${adapted(digest)}`
}
