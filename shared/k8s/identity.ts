// Who we are for the API server, where it is, and how we know that it is the right one.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Tls {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export interface Identity {
  /** Origin of the API server, for example `https://10.96.0.1:443`, and a path in front of all others if it has one. */
  readonly server: string
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Tls
}

/** Asked again now and then, and at once after a 401: `refused` = nothing that was kept from before is any good. */
export type ReadIdentity = (refused: boolean) => Promise<Identity>

export interface Given {
  readonly server: string
  /** PEM. */
  readonly ca?: string | undefined
  readonly token?: string | undefined
}

export function givenIdentity({ server, ca, token }: Given): ReadIdentity {
  const identity: Identity = {
    server,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    tls: ca === undefined ? {} : { ca },
  }
  return async () => identity
}

/** A pod's own service account. The kubelet replaces the token before it expires, so the file is read again and again. */
export function mountedIdentity(folder: string, host: string, port: number): ReadIdentity {
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  return async () => {
    const [token = '', ca = ''] = await Promise.all(
      ['token', 'ca.crt'].map(async (file) => await readFile(join(folder, file), 'utf8')),
    )
    if (token.trim() === '') throw new Error(`${join(folder, 'token')} is empty`)
    return { server, headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } }
  }
}
