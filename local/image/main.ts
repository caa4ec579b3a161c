// What the image runs: `node --snapshot-blob /app/functions.blob sleep` continues the snapshot, which has all functions loaded, with one of them.
import { createRequire } from 'node:module'
import { startupSnapshot } from 'node:v8'

import { entryOf } from '#shared/server/entry.ts'

/** By esbuild: where the bundles will be. */
declare const PLACE: string

startupSnapshot.setDeserializeMainFunction(() => {
  const [, name = ''] = process.argv
  if (!/^[a-z]+(-[a-z]+)*$/.test(name)) {
    process.stderr.write('usage: FUNCTION, or a job and its arguments\n')
    process.exit(64)
  }
  const main = entryOf(name) ?? (() => runJob(name))
  void main()
})

/** What a snapshot was made of cannot `import`, so a file does that is loaded now. */
async function runJob(name: string): Promise<void> {
  const { importJob } = createRequire(PLACE)('./import.cjs') as { importJob: (path: string) => Promise<unknown> }
  await importJob(`./${name}.mjs`)
}
