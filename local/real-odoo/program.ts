// How a real Odoo and its pooler run as a pod of the local node. Configuration, environment, data folder, ports and stop
// signal are those of the pod (shared/instance). This file is all that is translated, because there are no containers:
//
// - `0.0.0.0` would be the address of every pod: Odoo and PgBouncer listen on the pod's own, and Odoo dials its pooler there;
//   so nobody is where `report.url` leads, and a PDF is printed without Odoo's styles;
// - with a root file system of its own, `/` is that folder and the volumes are mounted in it, as the pod's user; without
//   (ODOO_BIN), three options say where the volumes are, and there is no pooler.
//
// Not enforced: limits of CPU and memory, network policies, and that a process sees the others of this machine.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Container, VolumeMount } from 'kubernetes-types/core/v1.js'
import { poolerAddress } from '#shared/instance/pooler.ts'
import { series } from '#shared/instance/versions.ts'
import type { RealOdoo } from './obtain.ts'

export interface Place {
  /** Folder in which each mount path of the container leads to its volume. */
  readonly root: string
  readonly podIP: string
}

export interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

type Asked = Pick<Container, 'command' | 'args' | 'volumeMounts' | 'env'>

const ENTER = fileURLToPath(new URL('./enter.sh', import.meta.url))
const { uid, gid } = series['19']
/** What an image says of its own; the pod's values win. */
const IMAGE_ENV = {
  HOME: '/var/lib/odoo',
  TMPDIR: '/tmp',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
}
/** PgBouncer takes no options, so it gets its file with one line changed. */
const POOLER = [
  `sed "s/^listen_addr = .*/listen_addr = $0/" "$1" > /run/pgbouncer.ini`,
  'exec pgbouncer /run/pgbouncer.ini',
].join(' && ')

export function odooProgram(odoo: RealOdoo, container: Asked, place: Place): Program {
  const { command = ['odoo'], args = [] } = container
  const asked = [...command.slice(1), ...args]
  const own = command[0] === 'odoo' ? [...listenOn(container, place), ...odoo.args] : []
  if (odoo.from === 'root') return inRoot(odoo.root, [command[0] ?? 'odoo', ...asked, ...own], container, place)
  return { file: odoo.bin, args: [...placesIn(place), ...asked, ...own], env: {} }
}

/** Undefined without a root file system, which is where PgBouncer is. */
export function poolerProgram(odoo: RealOdoo, container: Asked, place: Place): Program | undefined {
  const [, file = '/etc/pgbouncer/pgbouncer.ini'] = container.command ?? []
  if (odoo.from !== 'root') return undefined
  return inRoot(odoo.root, ['sh', '-c', POOLER, place.podIP, file], container, place)
}

export function inRoot(root: string, command: readonly string[], { volumeMounts = [] }: Asked, place: Place): Program {
  const mounts = volumeMounts.toSorted((one, other) => one.mountPath.length - other.mountPath.length)
  const places = mounts.flatMap((mount) => [mount.mountPath, join(place.root, mount.mountPath), modeOf(mount)])
  return {
    file: '/usr/bin/unshare',
    args: ['--mount', '--propagation', 'private', 'sh', ENTER, root, `${uid}`, `${gid}`, ...places, '--', ...command],
    env: IMAGE_ENV,
  }
}

const modeOf = ({ readOnly = false }: VolumeMount): string => (readOnly ? 'ro' : 'rw')

/** The command line stands above odoo.conf and the environment. */
function listenOn({ env = [] }: Asked, { podIP }: Place): readonly string[] {
  const pooled = env.some(({ name, value }) => name === 'PGHOST' && value === poolerAddress.host)
  return [`--http-interface=${podIP}`, ...(pooled ? [`--db_host=${podIP}`] : [])]
}

/** An addons folder without a module is skipped by Odoo with a warning. */
function placesIn({ root }: Place): readonly string[] {
  return [
    ['--config', '/etc/odoo/odoo.conf'],
    ['--data-dir', '/var/lib/odoo'],
    ['--addons-path', '/mnt/extra-addons'],
  ].map(([option, path]) => `${option}=${root}${path}`)
}
