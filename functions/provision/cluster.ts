// The Kubernetes side: objects applied in their order, each by server-side apply, so that the same again changes nothing.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Namespace, PersistentVolumeClaim, Secret } from 'kubernetes-types/core/v1.js'
import { annotationKeys, fieldManager, namespaceOf, objectNames } from '#shared/instance/names.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { retiredObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import type { InstanceSecrets, InstanceSpec } from '#shared/instance/spec.ts'
import type { Storage } from '#shared/instance/volume-claims.ts'
import { isForbidden } from '#shared/k8s/errors.ts'
import type { Kubernetes, Manifest, Ref } from '#shared/k8s/kubernetes.ts'

/**
 * How long a RoleBinding may take to be known to every API server. Until then what it allows is forbidden, which is no
 * fault of anybody.
 */
const BINDING_KNOWN_MS = 5_000
const TRY_EVERY_MS = 50

export function namespaceRef(name: string): Ref {
  return { apiVersion: 'v1', kind: 'Namespace', name: namespaceOf(name) }
}

export async function apply<T extends Manifest>(kubernetes: Kubernetes, object: T, signal: AbortSignal): Promise<T> {
  return allowed(() => kubernetes.apply(object, { fieldManager, signal }), signal)
}

export async function applyAll(
  kubernetes: Kubernetes,
  objects: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) await apply(kubernetes, object, signal)
}

/** The passwords that an earlier run made, else new ones. Only the Secret knows them; asked again, they are the same. */
export async function readOrMakeSecrets(
  kubernetes: Kubernetes,
  name: string,
  signal: AbortSignal,
): Promise<InstanceSecrets> {
  const ref: Ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: objectNames.secret }
  const secret = await allowed(() => kubernetes.get<Secret>(ref, { signal }), signal)
  return (secret && readSecrets(secret)) ?? { password: randomPassword(), adminPassword: randomPassword() }
}

/** 192 bits, in letters that need no quoting anywhere. */
function randomPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** What the volumes have today: they grow and never shrink. */
export async function readStorage(kubernetes: Kubernetes, name: string, signal: AbortSignal): Promise<Storage> {
  const [addons, filestore] = await Promise.all(
    [objectNames.addons, objectNames.filestore].map(async (claim) => {
      const ref: Ref = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: namespaceOf(name),
        name: claim,
      }
      const found = await allowed(() => kubernetes.get<PersistentVolumeClaim>(ref, { signal }), signal)
      return found?.spec?.resources?.requests?.['storage']
    }),
  )
  return { ...(addons !== undefined && { addons }), ...(filestore !== undefined && { filestore }) }
}

/** What an earlier spec had and this one has not. */
export async function removeRetired(
  kubernetes: Kubernetes,
  spec: InstanceSpec,
  platform: Platform,
  signal: AbortSignal,
): Promise<void> {
  for (const object of retiredObjects(spec, platform)) await kubernetes.delete(object, { signal })
}

/** A new Deployment starts with one replica. Why it is awake is said once; from then on wake and sleep say it. */
export async function explainFirstBoot(
  kubernetes: Kubernetes,
  deployment: Deployment,
  now: Temporal.Instant,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, annotations } = deployment.metadata ?? {}
  if (name === undefined || namespace === undefined || annotations?.[annotationKeys.why] !== undefined) return
  const ref: Ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name }
  const said = {
    [annotationKeys.why]: 'Awake: first start after it was made',
    [annotationKeys.since]: now.toString({ smallestUnit: 'second' }),
  }
  await kubernetes.patch(ref, { metadata: { annotations: said } }, { type: 'merge', fieldManager, signal })
}

export async function readNamespace(
  kubernetes: Kubernetes,
  name: string,
  signal: AbortSignal,
): Promise<Namespace | undefined> {
  return kubernetes.get<Namespace>(namespaceRef(name), { signal })
}

async function allowed<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const end = performance.now() + BINDING_KNOWN_MS
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isForbidden(error) || performance.now() > end) throw error
    }
    await sleep(TRY_EVERY_MS, undefined, { signal })
  }
}
