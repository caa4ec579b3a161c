// Volumes for claims: a folder each, made when a claim asks for one and removed when it is released.
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1.js'
import type { StorageClass } from 'kubernetes-types/storage/v1.js'

import { isAlreadyExists } from '#shared/k8s/errors.ts'
import type { Kubernetes, Manifest, WatchEvent } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

export interface ProvisionerOf {
  /** Name of the StorageClass. */
  readonly className: string
  /** Claims that name no class get this one. */
  readonly isDefault: boolean
  /** Tells the classes of two nodes apart. */
  readonly nodeName: string
  readonly volumesDir: string
  /** For a kubelet: it gives a hostPath to no group, whatever `fsGroup` says. */
  readonly openToAll?: boolean
  readonly kubernetes: Kubernetes
  readonly log: Log
}

const MANAGER = 'platxa-local-node'
const RETRY_MS = 1000
const TRIES = 10
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'

export async function createStorageClass(of: ProvisionerOf, signal: AbortSignal): Promise<void> {
  const storageClass: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: of.className,
      annotations: { 'storageclass.kubernetes.io/is-default-class': String(of.isDefault) },
    },
    provisioner: provisionerOf(of),
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  }
  await of.kubernetes.apply(storageClass, { fieldManager: MANAGER, signal })
}

/** Until the signal. */
export async function provisionVolumes(of: ProvisionerOf, signal: AbortSignal): Promise<void> {
  const claims = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' }
  const volumes = { apiVersion: 'v1', kind: 'PersistentVolume' }
  await Promise.all([
    each(of.kubernetes.watch<PersistentVolumeClaim>(claims, { signal }), (claim) => provide(of, claim, signal), of.log),
    each(of.kubernetes.watch<PersistentVolume>(volumes, { signal }), (volume) => reclaim(of, volume, signal), of.log),
  ])
}

async function provide(of: ProvisionerOf, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
  const { metadata, spec, status } = claim
  if (spec?.storageClassName !== of.className || spec.volumeName !== undefined || status?.phase === 'Bound') return
  const { namespace = '', name = '', uid = '' } = metadata ?? {}
  const path = join(of.volumesDir, `${namespace}_${name}_${uid}`)
  await mkdir(path, { recursive: true })
  if (of.openToAll === true) await chmod(path, 0o777)
  const storage = spec.resources?.requests?.['storage'] ?? '1Gi'
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${uid}`, annotations: { [PROVISIONED_BY]: provisionerOf(of) } },
    spec: {
      accessModes: spec.accessModes ?? ['ReadWriteOnce'],
      capacity: { storage },
      // Made for this very claim; the controller manager binds the two.
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      hostPath: { path, type: 'Directory' },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: of.className,
    },
  }
  await of.kubernetes.create(volume, { signal }).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error
  })
}

async function reclaim(
  of: ProvisionerOf,
  { metadata, spec, status }: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const ours = metadata?.annotations?.[PROVISIONED_BY] === provisionerOf(of)
  if (!ours || status?.phase !== 'Released' || spec?.persistentVolumeReclaimPolicy !== 'Delete') return
  const { name = '', uid = '' } = metadata ?? {}
  const path = spec.hostPath?.path ?? ''
  const place = relative(of.volumesDir, path)
  // Whoever may edit volumes could name any folder of the machine: only ours are ever removed.
  if (place !== '' && !place.startsWith('..')) await rm(path, { recursive: true, force: true })
  await of.kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name }, { uid, signal })
}

async function each<T extends Manifest>(
  events: AsyncIterable<WatchEvent<T>>,
  handle: (object: T) => Promise<void>,
  log: Log,
): Promise<void> {
  const settle = async (object: T): Promise<void> => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        return await handle(object)
      } catch (error) {
        log.warn({ error, name: object.metadata?.name }, 'a volume could not be settled')
        await sleep(RETRY_MS, undefined, { ref: false })
      }
    }
  }
  const objectsOf = (event: WatchEvent<T>): readonly T[] => {
    if (event.type === 'deleted') return []
    return event.type === 'synced' ? event.objects : [event.object]
  }
  for await (const event of events) {
    for (const object of objectsOf(event)) void settle(object)
  }
}

const provisionerOf = ({ nodeName }: ProvisionerOf): string => `local.platxa.io/${nodeName}`
