import type { ConnectionOptions } from 'node:tls'

/** libpq's words. */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** What the driver should do; it knows no fallback from TLS to plain, so `allow` is plain and `prefer` is tried twice. */
export function tlsOf(mode: SslMode, ca: string | undefined): false | ConnectionOptions {
  const authority = ca === undefined ? {} : { ca }
  switch (mode) {
    case 'disable':
    case 'allow':
      return false
    case 'prefer':
    case 'require':
      return { rejectUnauthorized: false }
    case 'verify-ca':
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...authority }
    case 'verify-full':
      return { rejectUnauthorized: true, ...authority }
  }
}

/** The server has no TLS at all, which `prefer` puts up with. */
export function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes('does not support SSL')
}
