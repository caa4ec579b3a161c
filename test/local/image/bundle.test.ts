import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { bundleFunctions, functionNames, jobNames } from '#local/image/bundle.ts'
import { functionEnvironment, imageEntrypoint, imageEnvironment } from '#local/image/environment.ts'
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
  async function start(name: string) {
    const env = names.includes(name) ? await functionEnvironment(name) : imageEnvironment
    const [node, ...options] = imageEntrypoint(process.execPath, folder)
    const run = promisify(execFile)(node, [...options, name], { cwd: tmpdir(), env })
    const ended = await run.catch((error: unknown) => error as { code: number; stdout: string; stderr: string })
    return { code: 'code' in ended ? ended.code : 0, said: ended.stdout, faults: ended.stderr }
  }

  it.each(names)('starts %s, which says what is missing', { timeout: LIMIT_MS }, async (name) => {
    const { code, said } = await start(name)
    expect(code).toBe(1)
    expect(JSON.parse(said.trim().split('\n')[0] ?? '')).toMatchObject({ function: name, message: 'could not start' })
  })

  it.each(names)("gives %s no option with which V8 refuses the compiled code of Node's own modules", async (name) => {
    // as Node's own test/parallel/test-code-cache.js asks
    const script = `
      require('node:http')
      const { internalBinding } = require('internal/test/binding')
      const { compiledWithCache, compiledWithoutCache } = internalBinding('builtins').getCacheUsage()
      console.log(JSON.stringify([compiledWithCache.size > 0, compiledWithoutCache.size]))`
    const env = await functionEnvironment(name)
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-internals', '-e', script], { env })
    expect(JSON.parse(stdout)).toEqual([true, 0])
  })

  it.each(jobs)('starts %s, which misses its settings', { timeout: LIMIT_MS }, async (name) => {
    const { code, faults } = await start(name)
    expect(code).toBe(1)
    expect(faults).toContain('EnvError')
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
    expect(Object.fromEntries(told)).toEqual(imageEnvironment)
  })

  it('is started by Dockerfile as in the trial cluster', async () => {
    const [, entrypoint = ''] = /^ENTRYPOINT (.*)$/m.exec(await readFile(join(repository, 'Dockerfile'), 'utf8')) ?? []
    expect(JSON.parse(entrypoint)).toEqual(imageEntrypoint('/usr/local/bin/node', '/app'))
  })

  it('has the snapshot, each job, what is loaded later, and nothing of the tests', async () => {
    const files = await readdir(folder)
    const bundles = jobs.map((name) => `${name}.mjs`)
    expect(files.toSorted()).toEqual(['chunks', 'functions.blob', 'import.cjs', 'later', ...bundles].toSorted())
    expect((await readdir(join(folder, 'later'))).toSorted()).toEqual(['kubeconfig.mjs', 'sdk-node.mjs'])
  })
})
