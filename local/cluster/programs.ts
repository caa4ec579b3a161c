// The programs of a real node and of what runs on it beside us: which Go module each comes from, and how it is built.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { buildFlags, readPinned } from '#local/control-plane/pinned.ts'

const MODULES = join(import.meta.dirname, 'go')
const PLAIN_FLAGS = ['-trimpath', '-ldflags=-s -w']

export interface Program {
  readonly name: string
  /** As `go build` takes it, from the module's folder. */
  readonly package: string
}

/** Built together, because their common parts are compiled once. */
export interface Module {
  readonly name: 'node' | 'pause' | 'knative' | 'edge'
  readonly folder: string
  readonly programs: readonly Program[]
  readonly flags: readonly string[]
}

const eventing = (path: string): Program => ofKnative('eventing', path)
const serving = (path: string): Program => ofKnative('serving', path)

/** `knative.dev/eventing/cmd/broker/ingress` → `eventing-broker-ingress`. */
export function ofKnative(part: 'eventing' | 'serving', path: string): Program {
  return { name: `${part}-${path.replaceAll(/[/_]/g, '-')}`, package: `knative.dev/${part}/cmd/${path}` }
}

export const KNATIVE: readonly Program[] = [
  eventing('broker/filter'),
  eventing('broker/ingress'),
  eventing('controller'),
  eventing('in_memory/channel_controller'),
  eventing('in_memory/channel_dispatcher'),
  eventing('mtchannel_broker'),
  eventing('mtping'),
  eventing('webhook'),
  serving('activator'),
  serving('autoscaler'),
  serving('controller'),
  serving('queue'),
  serving('webhook'),
]

export async function modules(): Promise<readonly Module[]> {
  const { kubernetes } = await readPinned()
  const kube = (name: string): Program => ({ name, package: `k8s.io/kubernetes/cmd/${name}` })
  return [
    {
      name: 'node',
      folder: join(MODULES, 'node'),
      programs: [kube('kubelet'), kube('kube-proxy')],
      flags: buildFlags(kubernetes),
    },
    {
      name: 'pause',
      folder: join(MODULES, 'pause'),
      programs: [{ name: 'pause', package: '.' }],
      flags: PLAIN_FLAGS,
    },
    { name: 'knative', folder: join(MODULES, 'knative'), programs: KNATIVE, flags: PLAIN_FLAGS },
    {
      name: 'edge',
      folder: join(MODULES, 'edge'),
      programs: [
        { name: 'coredns', package: './coredns' },
        { name: 'traefik', package: 'github.com/traefik/traefik/v3/cmd/traefik' },
      ],
      flags: PLAIN_FLAGS,
    },
  ]
}

/** Of everything that makes the programs what they are, this machine's kind included. */
export async function hashOf({ folder, programs, flags }: Module): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([process.platform, process.arch, flags, programs]))
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
  for (const path of paths.toSorted()) hash.update(`\n${path.slice(folder.length)}\n`).update(await readFile(path))
  return hash.digest('hex').slice(0, 12)
}
