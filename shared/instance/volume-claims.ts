// Two volumes per instance. ReadWriteOnce: sessions and attachments are local files of one server.
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { bytesOf, gibibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { tiers } from './tiers.ts'

/** What the claims ask for today, as Kubernetes quantities. */
export interface Storage {
  readonly addons?: string
  readonly filestore?: string
}

/** Volumes grow and never shrink (the API server refuses), so a smaller tier keeps what is there. */
export function volumeClaims(
  spec: InstanceSpec,
  platform: Platform,
  today: Storage = {},
): readonly Desired<PersistentVolumeClaim>[] {
  const { addonsGi, filestoreGi } = tiers[spec.tier]
  return [
    claim(spec, platform, objectNames.addons, larger(gibibytes(addonsGi), today.addons)),
    claim(spec, platform, objectNames.filestore, larger(gibibytes(filestoreGi), today.filestore)),
  ]
}

/** The claims that are there, as large as they are: for where they can't grow. */
export function claimsAsToday(
  spec: InstanceSpec,
  platform: Platform,
  { addons, filestore }: Storage,
): readonly Desired<PersistentVolumeClaim>[] {
  return [
    ...(addons === undefined ? [] : [claim(spec, platform, objectNames.addons, addons)]),
    ...(filestore === undefined ? [] : [claim(spec, platform, objectNames.filestore, filestore)]),
  ]
}

function claim(
  spec: InstanceSpec,
  { storageClass }: Platform,
  name: string,
  storage: string,
): Desired<PersistentVolumeClaim> {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(spec, name),
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storageClass !== undefined && { storageClassName: storageClass }),
      resources: { requests: { storage } },
    },
  }
}

function larger(wanted: string, today: string | undefined): string {
  const there = today === undefined ? undefined : bytesOf(today)
  return today !== undefined && there !== undefined && there > (bytesOf(wanted) ?? 0) ? today : wanted
}
