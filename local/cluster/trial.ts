// Whether this machine lets a node be: root may be told so and still, in a container, may mount nothing. So everything a
// node does is tried once, small, before anything is built for it.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { firstHierarchy, inNamespaces, makeCgroup, removeCgroup } from './namespaces.ts'

const LIMIT_MS = 30_000

/** What is tried → how, in a shell whose folder is the run's own. */
const STEPS: readonly (readonly [string, string])[] = [
  ['mounting', 'mount -t tmpfs tmpfs /run'],
  ['a bridge', 'ip link add trial0 type bridge && ip addr add 172.30.0.1/32 dev trial0'],
  ['a pair of links', 'ip link add trial1 type veth peer name trial2'],
  ['forwarding', 'echo 1 > /proc/sys/net/ipv4/ip_forward'],
  [
    'packet filters',
    `nft 'table inet trial { chain one { counter drop; }; chain two {
       type filter hook forward priority filter; ct state established accept; ip saddr vmap { 10.0.0.1 : jump one }; }; }'`,
  ],
  [
    'layered file systems',
    'mkdir low up work over && mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work over && umount over',
  ],
  ["the kernel's log, which the kubelet reads", 'test -c /dev/kmsg'],
]
const CONTROLLERS = ['cpu', 'memory', 'pids']

/** Why not, or undefined. `folder` is one that is thrown away. */
export async function tryNode(folder: string, owner: number): Promise<string | undefined> {
  return (await tryNamespaces(folder)) ?? (await tryCgroup(owner))
}

export async function tryNamespaces(folder: string, steps = STEPS): Promise<string | undefined> {
  const script = steps.map(([name, line]) => `echo '${name.replaceAll("'", "'\\''")}'\n${line}`)
  const { file, args } = inNamespaces(['sh', '-ec', [`cd ${folder}`, ...script].join('\n')], folder)
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  try {
    await promisify(execFile)(file, [...args], { timeout: LIMIT_MS, env })
    return undefined
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    const step = stdout.trim().split('\n').at(-1) || 'namespaces'
    return `${step} cannot be had: ${stderr.trim().split('\n').at(-1) || String(error)}`
  }
}

async function tryCgroup(owner: number): Promise<string | undefined> {
  try {
    const name = await makeCgroup(owner)
    const one = await firstHierarchy()
    // version 1 has a folder per controller, and makeCgroup was in each
    const given = await readFile(join(one, name, 'cgroup.controllers'), 'utf8').catch(() => undefined)
    const missing = CONTROLLERS.filter((controller) => given !== undefined && !given.split(/\s+/).includes(controller))
    return missing.length === 0 ? undefined : `cgroups do not count ${missing.join(', ')} here`
  } catch (error) {
    return `cgroups cannot be had: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    await removeCgroup(owner)
  }
}
