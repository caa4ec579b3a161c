// What goes into the image of the functions: one snapshot with all of them, and a bundle for each job and for what a function loads only
// when it needs it. `Dockerfile` and `npm run test:cluster` both use it: node local/image/bundle.ts FOLDER
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { build } from 'esbuild'

import { repository } from '#local/world/layout.ts'

import { buildSnapshot, english } from './snapshot.ts'

/** CommonJS in an ES module asks for `require`. */
const BANNER = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`

export function functionNames(): Promise<readonly string[]> {
  return foldersIn('functions')
}

/** What runs once in a cluster and by the same image: not in the snapshot, because nobody waits for it to start. */
export function jobNames(): Promise<readonly string[]> {
  return foldersIn('jobs')
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(repository, folder), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

export interface Where {
  /** Where the folder will be when it is used: where it is now, when left out. */
  readonly place?: string
  /** That will run it; ours when left out. */
  readonly node?: string
}

/** Fills the folder, which is emptied first, and gives the names of the functions in it. */
export async function bundleFunctions(
  folder: string,
  { place = folder, node = process.execPath }: Where = {},
): Promise<readonly string[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const functions = await functionNames()
  const later = await buildSnapshot({ folder, functions, place, node })
  const jobs = (await jobNames()).map((name) => [name, join(repository, 'jobs', name, 'main.ts')] as const)
  await bundle(folder, { ...Object.fromEntries(jobs), ...later })
  await copyFile(join(import.meta.dirname, 'import.cjs'), join(folder, 'import.cjs'))
  return functions
}

/** Name of the bundle → its source. What they share is in files of its own. */
export async function bundle(folder: string, entryPoints: Readonly<Record<string, string>>): Promise<void> {
  await build({
    absWorkingDir: repository,
    entryPoints: { ...entryPoints },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [english],
    chunkNames: 'chunks/[name]-[hash]',
    external: ['pg-native'],
    banner: { js: BANNER },
    logLevel: 'error',
  })
}

const [, script, folder] = process.argv
if (script !== undefined && import.meta.url === pathToFileURL(resolve(script)).href) {
  if (folder === undefined) throw new Error('usage: node local/image/bundle.ts FOLDER')
  const names = await bundleFunctions(resolve(folder))
  console.log(`${names.length} functions in ${folder}: ${names.join(', ')}`)
}
