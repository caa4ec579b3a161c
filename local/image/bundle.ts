// What goes into the image of the functions: one bundle per function with common chunks beside them, and V8's compiled
// code for all of it. `Dockerfile` and `npm run test:cluster` both use it: node local/image/bundle.ts FOLDER
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { build, type Plugin } from 'esbuild'

import { repository } from '#local/world/layout.ts'

import { functionEnvironment } from './environment.ts'

/** CommonJS in an ES module asks for `require`. */
const BANNER = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`
const WARM_LIMIT_MS = 60_000

export function functionNames(): Promise<readonly string[]> {
  return foldersIn('functions')
}

/** What runs once in a cluster and by the same image: not compiled ahead, because nobody waits for it to start. */
export function jobNames(): Promise<readonly string[]> {
  return foldersIn('jobs')
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(repository, folder), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** Fills the folder, which is emptied first, and gives the names of the functions in it. */
export async function bundleFunctions(folder: string, node = process.execPath): Promise<readonly string[]> {
  const names = await functionNames()
  const entry = (of: string, name: string) => [name, join(repository, of, name, 'main.ts')] as const
  const jobs = (await jobNames()).map((name) => entry('jobs', name))
  await bundle(folder, Object.fromEntries([...names.map((name) => entry('functions', name)), ...jobs]))
  await copyFile(join(import.meta.dirname, 'run.mjs'), join(folder, 'run.mjs'))
  for (const name of names) await warm(folder, name, node)
  return names
}

/** Name of the bundle → its source. */
export async function bundle(folder: string, entryPoints: Readonly<Record<string, string>>): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
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
    plugins: [leaner],
    chunkNames: 'chunks/[name]-[hash]',
    external: ['pg-native'],
    banner: { js: BANNER },
    logLevel: 'error',
  })
}

/** What is evaluated at every start and that no function uses. */
const leaner: Plugin = {
  name: 'leaner',
  setup(build) {
    // zod's messages in fifty languages; English comes by itself
    build.onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes(join('node_modules', 'zod')) ? { path: 'languages', namespace: 'nothing' } : undefined,
    )
    // @hono/node-server asks of each request whether it is one of HTTP/2, which no function speaks
    build.onResolve({ filter: /^(node:)?http2$/ }, () => ({ path: 'http2', namespace: 'nothing' }))
    build.onLoad({ filter: /^http2$/, namespace: 'nothing' }, () => ({ contents: NO_HTTP2 }))
    build.onLoad({ filter: /^/, namespace: 'nothing' }, () => ({ contents: 'export {}' }))
    // `import` of node:http reads all that it exports, and one of these, WebSocket, loads the whole of Node's own undici
    build.onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'lazily' }))
    build.onLoad({ filter: /^/, namespace: 'lazily' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}

const NO_HTTP2 = 'export class Http2ServerRequest {}; export const constants = {}'

/**
 * Loads everything a function loads when it starts, and lets Node keep what it compiled, which V8 takes only from a process with the same
 * options. It then finds no settings and leaves, which is what is wanted here.
 */
async function warm(folder: string, name: string, node: string): Promise<void> {
  const run = promisify(execFile)(node, ['run.mjs', name], {
    cwd: folder,
    env: await functionEnvironment(name, folder),
    timeout: WARM_LIMIT_MS,
  })
  await run.catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 1) throw error
  })
}

const [, script, folder] = process.argv
if (script !== undefined && import.meta.url === pathToFileURL(resolve(script)).href) {
  if (folder === undefined) throw new Error('usage: node local/image/bundle.ts FOLDER')
  const names = await bundleFunctions(resolve(folder))
  console.log(`${names.length} functions in ${folder}: ${names.join(', ')}`)
}
