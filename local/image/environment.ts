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
 * scan-idle) says so in its manifest. Certificate authorities are the image's, one file for each, read when it is asked for: those in Node's
 * binary, and those of a single file, are all read at the first TLS connection, 11 ms, although the API server has an authority of its own.
 * Large pages, where the kernel gives them to those who ask, halve the page faults of a start.
 */
export const imageEnvironment: Readonly<Record<string, string>> = {
  NODE_ENV: 'production',
  NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=64 --v8-pool-size=1 --use-openssl-ca',
  SSL_CERT_DIR: '/etc/ssl/certs',
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  MALLOC_ARENA_MAX: '1',
}

/** The same, with the options for Node that the function's own manifest has instead. */
export async function functionEnvironment(name: string): Promise<Readonly<Record<string, string>>> {
  const manifest = await readFile(join(repository, 'manifests', 'base', `${name}.yaml`), 'utf8')
  const [, options] = /- name: NODE_OPTIONS\b.*\n\s+value: (.*)$/m.exec(manifest) ?? []
  return { ...imageEnvironment, ...(options !== undefined && { NODE_OPTIONS: options.replaceAll('"', '') }) }
}
