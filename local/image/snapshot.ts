// All functions in one V8 startup snapshot: what loading, linking and making schemas take at every start is done once, when the image is made.
// https://nodejs.org/api/cli.html#--build-snapshot wants one script of CommonJS, and nothing of Node in it that owns native objects.
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

import { build, type Plugin } from 'esbuild'

import { repository } from '#local/world/layout.ts'

/** Of Node, what cannot be in a snapshot (26.10: `global handle not serialized`). */
const NATIVE = ['http', 'https', 'tls'] as const
const LIMIT_MS = 120_000

export interface Snapshot {
  readonly folder: string
  readonly functions: readonly string[]
  /** Where the folder will be when it is used. */
  readonly place: string
  readonly node: string
}

/** Makes `functions.blob`, and gives what must be beside it: name of a bundle → its source, both without an ending. */
export async function buildSnapshot({ folder, functions, place, node }: Snapshot): Promise<Record<string, string>> {
  const script = join(folder, 'functions.cjs')
  const later: Record<string, string> = {}
  const mains = functions.map((name) => `./functions/${name}/main.ts`)
  const parts = ['./local/image/interpreted.ts', ...mains, './local/image/main.ts']
  await build({
    absWorkingDir: repository,
    stdin: { contents: parts.map((path) => `import '${path}'\n`).join(''), resolveDir: repository, loader: 'ts' },
    outfile: script,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    // what is imported only when it is needed stays outside, and is required from there
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    // of an error nobody has caught Node prints the whole line
    lineLimit: 160,
    plugins: [english, withoutHttp2, native, webOfNodeServer, importedLater(place, later)],
    external: ['pg-native'],
    inject: ['./local/image/web.ts'],
    define: {
      Headers: 'web.Headers',
      Request: 'web.Request',
      Response: 'web.Response',
      PLACE: JSON.stringify(join(place, basename(script))),
    },
    banner: { js: REQUIRE },
    logLevel: 'error',
  })
  const args = ['--no-warnings', '--snapshot-blob', join(folder, 'functions.blob'), '--build-snapshot', script]
  await promisify(execFile)(node, args, { timeout: LIMIT_MS, env: { NODE_ENV: 'production' } })
  await rm(script)
  return later
}

/** In a snapshot `require` knows Node's own modules only. */
const REQUIRE = `require = ((own) => (id) => id.startsWith('/') ? own('node:module').createRequire(id)(id) : own(id))(require);`

/** zod has its messages in fifty languages; English comes by itself. */
export const english: Plugin = {
  name: 'english',
  setup(build) {
    build.onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes(join('node_modules', 'zod')) ? { path: 'languages', namespace: 'english' } : undefined,
    )
    build.onLoad({ filter: /^/, namespace: 'english' }, () => ({ contents: 'export {}' }))
  },
}

/** @hono/node-server asks of each request whether it is one of HTTP/2, which no function speaks. */
const withoutHttp2: Plugin = {
  name: 'without http2',
  setup(build) {
    build.onResolve({ filter: /^(node:)?http2$/ }, () => ({ path: 'http2', namespace: 'without' }))
    build.onLoad({ filter: /^/, namespace: 'without' }, () => ({
      contents: 'export class Http2ServerRequest {}; export const constants = {}',
    }))
  },
}

/** Each thing of such a module is looked up when it is used, which is after the start. */
const native: Plugin = {
  name: 'native',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(node:)?(${NATIVE.join('|')})$`) }, ({ path }) => ({
      path: path.replace('node:', ''),
      namespace: 'native',
    }))
    build.onLoad({ filter: /^/, namespace: 'native' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path as 'http'))
      const getters = names.map((name) => `get ${name}() { return process.getBuiltinModule('${path}').${name} }`)
      return { contents: `module.exports = { ${getters.join(',\n')} }` }
    })
  },
}

/** It is to see, and to exchange, the classes of web.ts and not the globals. */
const webOfNodeServer: Plugin = {
  name: 'web of @hono/node-server',
  setup(build) {
    build.onLoad({ filter: /@hono\/node-server\/dist\/index\.mjs$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const mine = source
        .replaceAll(/\bglobal(?:This)?\.(Headers|Request|Response|CloseEvent|ErrorEvent)\b/g, 'web.$1')
        .replaceAll('Object.defineProperty(global, "Re', 'Object.defineProperty(web, "Re')
        .replace('options.overrideGlobalObjects !== false && ', '')
      if (/\bglobal(?:This)?[.,]/.test(mine) || mine.includes('overrideGlobalObjects !==')) {
        throw new Error('@hono/node-server names globals in a way that is new: look at webOfNodeServer')
      }
      return { contents: mine }
    })
  },
}

function importedLater(place: string, later: Record<string, string>): Plugin {
  return {
    name: 'imported later',
    setup(build) {
      build.onResolve({ filter: /^/ }, async ({ kind, path, ...asked }) => {
        if (kind !== 'dynamic-import') return undefined
        const found = await build.resolve(path, { ...asked, kind: 'import-statement' })
        const name = `later/${basename(path).replace(/\..*$/, '')}`
        later[name] = found.path
        return { path: join(place, `${name}.mjs`), external: true }
      })
    },
  }
}
