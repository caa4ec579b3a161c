// Odoo's two remote call formats: JSON-RPC 2.0 (every click of the web client, /jsonrpc) and as much XML-RPC as `version` needs.
import { z } from 'zod'

import type { Database, User } from './database.ts'
import { accessDenied, execute, type Notify, OdooError } from './models.ts'
import { isPassword } from './password.ts'

export const Envelope = z.object({
  id: z.union([z.string(), z.number(), z.null()]).default(null),
  params: z.record(z.string(), z.unknown()).default({}),
})

export const CallKw = z.object({
  model: z.string(),
  method: z.string(),
  args: z.array(z.unknown()).default([]),
  kwargs: z.record(z.string(), z.unknown()).default({}),
})

const Service = z.object({ service: z.string(), method: z.string(), args: z.array(z.unknown()) })
const Credentials = z.tuple([z.string(), z.string(), z.string()]).rest(z.unknown())
const Execute = z
  .tuple([z.string(), z.number(), z.string(), z.string(), z.string()])
  .rest(z.unknown())
  .transform(([, uid, password, model, method, ...rest]) => ({ uid, password, model, method, rest }))

export const version = {
  server_version: '19.0',
  server_version_info: [19, 0, 0, 'final', 0, ''],
  server_serie: '19.0',
  protocol_version: 1,
} as const

export type RpcId = z.output<typeof Envelope>['id']

export const result = (id: RpcId, value: unknown): object => ({ jsonrpc: '2.0', id, result: value })

/** Odoo answers every error of its own with status 200 and a description in the body. */
export function failure(id: RpcId, error: unknown): object {
  const expired = error instanceof OdooError && error.name === 'odoo.http.SessionExpiredException'
  const text = error instanceof Error ? error.message : String(error)
  return {
    jsonrpc: '2.0',
    id,
    error: {
      code: expired ? 100 : 0,
      message: expired ? 'Odoo Session Expired' : 'Odoo Server Error',
      data: { name: nameOf(error), message: text, arguments: [text], context: {}, debug: text },
    },
  }
}

/** What `/jsonrpc` offers. */
export async function callService(params: unknown, database: Database, notify: Notify): Promise<unknown> {
  const { service, method, args } = Service.parse(params)
  switch (`${service}.${method}`) {
    case 'common.version':
      return version
    case 'common.login':
    case 'common.authenticate': {
      const [, login, password] = Credentials.parse(args)
      return (await signIn(database, login, password))?.id ?? false
    }
    case 'object.execute':
    case 'object.execute_kw': {
      const { uid, password, model, method: name, rest } = Execute.parse(args)
      if ((await signIn(database, uid, password)) === undefined) throw accessDenied()
      const [first, second] = rest
      const byKeyword = method === 'execute_kw'
      const call = { model, method: name, args: byKeyword ? first : rest, kwargs: byKeyword ? second : undefined }
      return await execute(CallKw.parse(call), database, notify)
    }
    default:
      // Also `db.list`: the database list is closed.
      throw accessDenied()
  }
}

/** The user, if that is the password. */
export async function signIn(database: Database, who: string | number, password: string): Promise<User | undefined> {
  const user = await database.user(who)
  return user !== undefined && (await isPassword(password, user.password)) ? user : undefined
}

/** `/xmlrpc/2/common`: `version` only, which is what monitors and clients ask first. */
export function xmlrpc(body: string): string {
  const method = /<methodName>\s*([\w.]+)\s*<\/methodName>/.exec(body)?.[1]
  const answer =
    method === 'version' ? param(versionXml) : fault(`The stand-in for Odoo does not know ${method ?? 'this'}.`)
  return `<?xml version='1.0'?>\n<methodResponse>\n${answer}\n</methodResponse>\n`
}

const member = (name: string, value: string): string => `<member><name>${name}</name><value>${value}</value></member>`
const param = (value: string): string => `<params><param><value>${value}</value></param></params>`
const fault = (text: string): string =>
  `<fault><value><struct>${member('faultCode', '<int>1</int>')}${member('faultString', `<string>${text}</string>`)}</struct></value></fault>`

const versionXml = `<struct>${[
  member('server_version', '<string>19.0</string>'),
  member('server_serie', '<string>19.0</string>'),
  member('protocol_version', '<int>1</int>'),
].join('')}</struct>`

function nameOf(error: unknown): string {
  if (error instanceof OdooError) return error.name
  return error instanceof z.ZodError ? 'builtins.TypeError' : 'psycopg2.OperationalError'
}
