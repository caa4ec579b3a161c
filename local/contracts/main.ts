// npm run contracts: writes what the Instance Manager's authors and Knative read of our events.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { repository } from '#local/world/layout.ts'
import { contractFiles, schemaFolder, withEventTable } from './files.ts'

const files = contractFiles()
const readme = join(repository, 'README.md')
let changed = await write(readme, withEventTable(await readFile(readme, 'utf8')))
for (const [path, text] of files) changed += await write(join(repository, path), text)
for (const name of await readdir(join(repository, schemaFolder))) {
  if (files.has(`${schemaFolder}/${name}`)) continue
  await rm(join(repository, schemaFolder, name))
  changed += 1
}
console.log(`${files.size} contracts, ${changed} files changed`)

/** How many files it changed: one or none. */
async function write(path: string, text: string): Promise<number> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return 0
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return 1
}
