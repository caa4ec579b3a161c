// The platform's own role, as the environment of every process that makes or ends databases gives it.
import { z } from 'zod'
import { connectPostgres, type Admin } from './connect.ts'
import type { SslMode } from './tls.ts'

export const adminVariables = z.object({ PGUSER: z.string().min(1), PGPASSWORD: z.string().min(1) })

interface Server {
  readonly host: string
  readonly port: number
  readonly sslmode: SslMode
  readonly rootCertificate: string | undefined
}

export function connectAdmin(
  { host, port, sslmode, rootCertificate: ca }: Server,
  { PGUSER: user, PGPASSWORD: password }: z.output<typeof adminVariables>,
): Admin {
  return connectPostgres({ host, port, sslmode, ca, user, password })
}
