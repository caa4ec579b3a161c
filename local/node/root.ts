// What stands for `/` of a container: a folder in which each mount path leads to its volume.
import { lstat, mkdir, rm, rmdir, symlink, unlink } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'

import type { VolumeMount } from 'kubernetes-types/core/v1.js'

import { MountProblem } from './refusal.ts'
import type { VolumePaths } from './volumes.ts'

/** Laid out anew at each start. Links are never followed while removing, so volumes keep what is in them. */
export async function layOutRoot(root: string, mounts: readonly VolumeMount[], volumes: VolumePaths): Promise<void> {
  await rm(root, { recursive: true, force: true })
  await mkdir(root, { recursive: true })
  // The outer before the inner: a path inside of another mount becomes a link inside of that volume.
  const outerFirst = mounts.toSorted((one, other) => one.mountPath.length - other.mountPath.length)
  for (const mount of outerFirst) await link(join(root, inside(mount.mountPath)), await target(mount, volumes), mount)
}

async function target({ name, subPath = '', subPathExpr }: VolumeMount, volumes: VolumePaths): Promise<string> {
  const volume = volumes.get(name)
  if (volume === undefined) throw new MountProblem(name, 'there is no such volume')
  if (subPathExpr !== undefined) throw new MountProblem(name, 'the local node does not know subPathExpr')
  if (subPath === '') return volume
  const path = join(volume, inside(subPath))
  const there = await lstat(path).catch(() => undefined)
  if (there === undefined) await mkdir(path, { recursive: true })
  return path
}

async function link(path: string, to: string, { name }: VolumeMount): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const there = await lstat(path).catch(() => undefined)
  if (there?.isSymbolicLink() === true) await unlink(path)
  // Inside of another volume. A mount would hide what is there, a link cannot, and nothing of a volume is ever removed.
  else if (there !== undefined) await rmdir(path).catch(() => refuse(name, path))
  await symlink(to, path)
}

function refuse(name: string, path: string): never {
  throw new MountProblem(name, `another volume has content at ${path}`)
}

/** `/../x` is `/x`, as in every root folder. */
const inside = (path: string): string => normalize(`/${path}`)
