import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { repository } from '#local/world/layout.ts'

/** What the image runs when the snapshot is in `app`; the name of a function comes after it. */
export const imageEntrypoint = (node: string, app: string): readonly [string, ...string[]] => [
  node,
  '--snapshot-blob',
  join(app, 'functions.blob'),
]

/**
 * What the image tells its processes, as `Dockerfile` does. Most functions hold next to nothing between two
 * events: a small nursery, a bound on what V8 lets lie, one helper thread and one arena halve what they need. Who needs more (wake,
 * scan-idle) says so in its manifest. Certificate authorities are the image's file, read when one is asked for: those in Node's binary are
 * read by every process that loads TLS, which takes 40 ms of CPU, and the API server has an authority of its own.
 */
export const imageEnvironment: Readonly<Record<string, string>> = {
  NODE_ENV: 'production',
  NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=64 --v8-pool-size=1 --use-openssl-ca',
  SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
  MALLOC_ARENA_MAX: '1',
}

/** The same, with the options for Node that the function's own manifest has instead. */
export async function functionEnvironment(name: string): Promise<Readonly<Record<string, string>>> {
  const manifest = await readFile(join(repository, 'manifests', 'base', `${name}.yaml`), 'utf8')
  const [, options] = /- name: NODE_OPTIONS\b.*\n\s+value: (.*)$/m.exec(manifest) ?? []
  return { ...imageEnvironment, ...(options !== undefined && { NODE_OPTIONS: options.replaceAll('"', '') }) }
}
