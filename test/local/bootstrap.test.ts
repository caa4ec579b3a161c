import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

interface Ran {
  readonly code: number | null
  readonly output: string
}

const lock = (version: string) => JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } })

/** A checkout with one package, and an npm of our own that notes what it was asked. */
async function checkout(npm = '') {
  const folder = await mkdtemp(join(tmpdir(), 'bootstrap-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const at = (path: string): string => join(folder, path)
  await mkdir(at('local'))
  await copyFile('local/bootstrap.mjs', at('local/bootstrap.mjs'))
  await writeFile(at('package-lock.json'), lock('1.0.0'))
  await writeFile(
    at('script.ts'),
    'const code: number = 7\nconsole.log(process.argv.slice(2).join("+"))\nprocess.exit(code)\n',
  )
  await writeFile(
    at('npm.mjs'),
    `import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs'
     appendFileSync('asked', process.argv.slice(2).join(' ') + '\\n')
     await new Promise((done) => setTimeout(done, 1000))
     ${npm}
     mkdirSync('node_modules/a', { recursive: true })
     copyFileSync('package-lock.json', 'node_modules/.package-lock.json')`,
  )
  const run = (...args: readonly string[]): Promise<Ran> =>
    new Promise((done) => {
      const env = { ...process.env, npm_execpath: at('npm.mjs'), XDG_CACHE_HOME: at('cache') }
      const child = spawn(process.execPath, ['local/bootstrap.mjs', ...args], { cwd: folder, env })
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.once('close', (code) => done({ code, output }))
    })
  const asked = async (): Promise<number> =>
    (await readFile(at('asked'), 'utf8').catch(() => '')).split('\n').length - 1
  return { at, run, asked }
}

describe('bootstrap', () => {
  it('installs what is missing, then runs the script with its arguments and keeps its exit code', async () => {
    const { at, run, asked } = await checkout()
    const { code, output } = await run('script.ts', 'a', '--b')
    expect(output).toContain('packages installed in')
    expect(output).toContain('a+--b')
    expect(code).toBe(7)
    expect(await readFile(at('asked'), 'utf8')).toMatch(/^ci .*--include=dev/)
    expect(await run('script.ts', 'again')).toEqual({ code: 7, output: 'again\n' })
    expect(await asked()).toBe(1)
  })

  it('installs anew when package-lock.json names other versions', async () => {
    const { at, run, asked } = await checkout()
    await run('script.ts')
    await writeFile(at('package-lock.json'), lock('2.0.0'))
    await run('script.ts')
    expect(await asked()).toBe(2)
  })

  it("accepts what a developer's own npm installed", async () => {
    const { at, run, asked } = await checkout()
    await mkdir(at('node_modules/a'), { recursive: true })
    await copyFile(at('package-lock.json'), at('node_modules/.package-lock.json'))
    expect((await run('script.ts')).code).toBe(7)
    expect(await asked()).toBe(0)
  })

  it('installs once when it is started twice at the same time', async () => {
    const { run, asked } = await checkout()
    const both = await Promise.all([run('script.ts'), run('script.ts')])
    expect(both.map(({ code }) => code)).toEqual([7, 7])
    expect(await asked()).toBe(1)
    expect(both.map(({ output }) => output).join('')).toContain('waiting: process')
  })

  it('does not wait for an installation whose process is gone', async () => {
    const { at, run } = await checkout()
    await mkdir(at('.local'))
    await writeFile(at('.local/install.lock'), '999999999')
    expect((await run('script.ts')).code).toBe(7)
  })

  it("shows npm's own words when it fails, and runs nothing", async () => {
    const { run } = await checkout('console.error("no route to the registry"); process.exit(1)')
    const { code, output } = await run('script.ts')
    expect(output).toContain('no route to the registry')
    expect(output).not.toContain('+')
    expect(code).toBe(1)
  })
})
