import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { bundleFunctions, functionNames, jobNames } from '#local/image/bundle.ts'
import { functionEnvironment, imageEnvironment } from '#local/image/environment.ts'
import { repository } from '#local/world/layout.ts'

const names = await functionNames()
const jobs = await jobNames()
const LIMIT_MS = 60_000

describe('the bundle of the image', () => {
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platxa-bundle-'))
    await bundleFunctions(folder)
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** With nothing but its own files: no packages, no settings. */
  async function start(...args: readonly string[]): Promise<{ code: unknown; said: string; read: string }> {
    const [name = ''] = args
    const own = names.includes(name) ? await functionEnvironment(name, folder) : imageEnvironment(folder)
    const env = { ...own, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
    const run = promisify(execFile)(process.execPath, ['run.mjs', ...args], { cwd: folder, env, maxBuffer: 1 << 26 })
    const ended = await run.catch((error: unknown) => error as { code: number; stdout: string; stderr: string })
    const code = 'code' in ended ? ended.code : 0
    return { code, said: ended.stdout, read: ended.stderr }
  }

  it.each(names)('starts %s, which says what is missing, from compiled code', { timeout: LIMIT_MS }, async (name) => {
    const { code, said, read } = await start(name)
    expect(code).toBe(1)
    expect(JSON.parse(said.trim().split('\n')[0] ?? '')).toMatchObject({ message: 'could not start' })
    expect(read).toMatch(new RegExp(`ESM file://\\S*/${name}\\.mjs was accepted`))
    expect(read).not.toContain('was rejected')
  })

  it.each(names)("gives %s no option with which V8 refuses the compiled code of Node's own modules", async (name) => {
    // as Node's own test/parallel/test-code-cache.js asks
    const script = `
      require('node:http')
      const { internalBinding } = require('internal/test/binding')
      const { compiledWithCache, compiledWithoutCache } = internalBinding('builtins').getCacheUsage()
      console.log(JSON.stringify([compiledWithCache.size > 0, compiledWithoutCache.size]))`
    const env = await functionEnvironment(name, folder)
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-internals', '-e', script], { env })
    expect(JSON.parse(stdout)).toEqual([true, 0])
  })

  it.each(jobs)('starts %s, which misses its settings', { timeout: LIMIT_MS }, async (name) => {
    const { code, read } = await start(name)
    expect(code).toBe(1)
    expect(read).toContain('EnvError')
  })

  it.each(['', '../sleep', 'Sleep'])('refuses "%s" as the name of a function', { timeout: LIMIT_MS }, async (name) => {
    expect((await start(name)).code).toBe(64)
  })

  it('is told by Dockerfile what the image of the trial cluster is told', async () => {
    const [, lines = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(await readFile(join(repository, 'Dockerfile'), 'utf8')) ?? []
    const told = [...lines.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, key, quoted, plain]) => [
      key,
      quoted ?? plain,
    ])
    expect(Object.fromEntries(told)).toEqual(imageEnvironment('/app'))
  })

  it('has one entry for each function and each job, and nothing of the tests', async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.mjs'))
    expect(files.toSorted()).toEqual([...[...names, ...jobs].map((name) => `${name}.mjs`), 'run.mjs'].toSorted())
  })
})
