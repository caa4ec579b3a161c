// A root file system with Odoo and PgBouncer in it, made of Debian's packages. It is a folder: nothing of it runs before a
// pod does, and the packages of this machine stay as they are.
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { series } from '#shared/instance/versions.ts'
import { programOf, run, type Told } from './run.ts'

/** Debian has Odoo 19 in sid alone, whose Python it does not run on. So: its package alone, everything else of trixie. */
const SUITE = 'trixie'
const ODOO = 'odoo-19/sid'
/** Prints for Odoo. Trixie has it no more, and its Qt only works with itself; so both of the release before. */
const PRINTER = { suite: 'bookworm', packages: 'wkhtmltopdf libqt5*' }
const SUITES = [SUITE, 'sid', PRINTER.suite]
const PACKAGES = ['tzdata', 'tzdata-legacy', 'pgbouncer', 'wkhtmltopdf', ODOO]
const DEFAULT_MIRROR = 'http://deb.debian.org/debian'
/** What the containers of a pod mount; the root itself is read-only then. */
const MOUNT_POINTS = ['etc/odoo', 'etc/pgbouncer', 'mnt/extra-addons', 'var/lib/odoo', 'tmp']

const { uid, gid } = series['19']
/** Files that are put into it before the packages, by path. */
const FILES: Readonly<Record<string, string>> = {
  // Installing must start nothing.
  'usr/sbin/policy-rc.d': '#!/bin/sh\nexit 101\n',
  'etc/apt/apt.conf.d/10platxa': `APT::Default-Release "${SUITE}";\nAcquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\n`,
  'etc/apt/preferences.d/10platxa': `Package: ${PRINTER.packages}\nPin: release n=${PRINTER.suite}\nPin-Priority: 995\n`,
  // It can be made again, so it need not survive a power cut; and nobody reads manuals in there.
  'etc/dpkg/dpkg.cfg.d/10platxa': [
    'force-unsafe-io',
    ...['doc', 'man', 'info', 'locale', 'lintian'].map((name) => `path-exclude=/usr/share/${name}/*`),
    '',
  ].join('\n'),
}

export const recipeHash = createHash('sha256')
  .update(JSON.stringify([SUITES, PACKAGES, MOUNT_POINTS, FILES, uid, gid, process.arch]))
  .digest('hex')
  .slice(0, 16)

/** Why none can be made on this machine; undefined when it can. */
export async function whyNoRoot(signal: AbortSignal): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'they need Linux'
  if (process.getuid?.() !== 0) return 'unpacking them needs root'
  for (const program of ['unshare', 'chroot', 'apt-get']) {
    if ((await programOf(program)) === undefined) return `there is no program \`${program}\``
  }
  const mounted = run('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { signal })
  return mounted.then(
    () => undefined,
    () => 'mounting is not allowed here (CAP_SYS_ADMIN)',
  )
}

export async function fillRoot(folder: string, told: Told): Promise<void> {
  // It becomes `/` for a user who is not root.
  await chmod(folder, 0o755)
  const mirror = await mirrorOf(told.signal)
  const tools = await mkdtemp(join(tmpdir(), 'platxa-debootstrap-'))
  try {
    const { program, env } = await debootstrap(tools, told)
    const args = ['--variant=minbase', SUITE, folder, mirror]
    told.tell(`unpacking Debian ${SUITE}`)
    await run('unshare', ['--mount', program, ...args], { ...told, env, line: counted('unpacking Debian', told) })
  } finally {
    await rm(tools, { recursive: true, force: true })
  }
  await settle(folder, mirror, told.signal)
  await install(folder, told)
}

/** The machine's own, else the package unpacked beside: it is a shell script. */
async function debootstrap(folder: string, { tell, signal }: Told): Promise<{ program: string; env: Environment }> {
  const own = await programOf('debootstrap')
  if (own !== undefined) return { program: own, env: {} }
  tell('fetching debootstrap')
  const download = (): Promise<string> => run('apt-get', ['-q', 'download', 'debootstrap'], { signal, cwd: folder })
  // A fresh machine has no list of packages yet.
  await download().catch(() => run('apt-get', ['-q', 'update'], { signal }).then(download))
  const [archive = ''] = (await readdir(folder)).filter((name) => name.endsWith('.deb'))
  await run('dpkg-deb', ['--extract', join(folder, archive), folder], { signal })
  const program = join(folder, 'usr/sbin/debootstrap')
  return { program, env: { DEBOOTSTRAP_DIR: join(folder, 'usr/share/debootstrap') } }
}

type Environment = Readonly<Record<string, string>>

/** Where this machine itself takes Debian from, because that is what it can reach. */
async function mirrorOf(signal: AbortSignal): Promise<string> {
  const sites = await run('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], { signal })
  const debian = sites.split('\n').find((site) => /^https?:.*\/debian\/?$/.test(site.trim()))
  return debian?.trim().replace(/\/$/, '') ?? DEFAULT_MIRROR
}

async function settle(folder: string, mirror: string, signal: AbortSignal): Promise<void> {
  const sources = SUITES.map((suite) => `deb ${mirror} ${suite} main\n`).join('')
  const proxies = (await run('apt-config', ['dump'], { signal })).match(/^Acquire::https?::Proxy.*$/gm) ?? []
  const files = { ...FILES, 'etc/apt/sources.list': sources, 'etc/apt/apt.conf.d/20proxy': `${proxies.join('\n')}\n` }
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text, { mode: 0o755 })
  await writeFile(join(folder, 'etc/resolv.conf'), await readFile('/etc/resolv.conf', 'utf8').catch(() => ''))
  for (const path of MOUNT_POINTS) await mkdir(join(folder, path), { recursive: true })
}

async function install(folder: string, told: Told): Promise<void> {
  const script = [
    'set -e',
    `mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"`,
    // The ids of the image, before a package takes them.
    `chroot "$1" groupadd --gid ${gid} odoo`,
    `chroot "$1" useradd --uid ${uid} --gid ${gid} --home-dir /var/lib/odoo --shell /usr/sbin/nologin odoo`,
    'chroot "$1" apt-get -q update',
    `chroot "$1" apt-get -q install -y ${PACKAGES.join(' ')}`,
    'chroot "$1" apt-get clean',
    'rm -rf "$1"/var/lib/apt/lists/*',
  ].join('\n')
  told.tell('fetching the packages of Odoo')
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
  await run('unshare', ['--mount', 'sh', '-c', script, 'sh', folder], { ...told, env, line: counted('Odoo', told) })
}

/** Counts packages, which is all that can be seen of how far it is. */
function counted(what: string, { tell }: Told): (line: string) => void {
  let unpacked = 0
  let configured = 0
  return (line) => {
    const [, verb, name = ''] = /^(?:I: )?(Unpacking|Setting up|Configuring|Extracting) (\S+)/.exec(line) ?? []
    if (verb === 'Unpacking' || verb === 'Extracting') unpacked++
    else if (verb !== undefined) configured++
    if (verb !== undefined)
      tell(`${what}: ${unpacked} packages unpacked, ${configured} set up (${name.replace('...', '')})`)
  }
}
