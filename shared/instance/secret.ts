// The only place of an instance's passwords.
import type { Secret } from 'kubernetes-types/core/v1.js'
import { annotationKeys, databaseOf, objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { userlist } from './pooler.ts'
import type { InstanceSecrets, InstanceSpec } from './spec.ts'

/** PG* lead to PostgreSQL itself, as maintenance Jobs need it; a pod with a pooler dials that instead. */
export function secret(spec: InstanceSpec, platform: Platform, secrets: InstanceSecrets): Desired<Secret> {
  const database = databaseOf(spec.name)
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: metadataOf(spec, objectNames.secret, { [annotationKeys.secretVersion]: String(secrets.version ?? 1) }),
    stringData: {
      PGHOST: platform.postgres.host,
      PGPORT: String(platform.postgres.port),
      PGUSER: database,
      PGPASSWORD: secrets.password,
      PGDATABASE: database,
      ADMIN_LOGIN: spec.adminLogin,
      ADMIN_PASSWORD: secrets.adminPassword,
      ...(platform.pooler && { 'userlist.txt': userlist(database, secrets.password) }),
    },
  }
}

/** What an existing Secret already decided, so that asking twice changes no password. Undefined = decide anew. */
export function readSecrets(secret: Secret): InstanceSecrets | undefined {
  const password = decoded(secret, 'PGPASSWORD')
  const adminPassword = decoded(secret, 'ADMIN_PASSWORD')
  if (!password || !adminPassword) return undefined
  const version = Number(secret.metadata?.annotations?.[annotationKeys.secretVersion] ?? 1)
  return { password, adminPassword, version: Number.isInteger(version) && version > 0 ? version : 1 }
}

function decoded(secret: Secret, key: string): string | undefined {
  const text = secret.data?.[key]
  if (text === undefined) return undefined
  return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.codePointAt(0) ?? 0))
}
