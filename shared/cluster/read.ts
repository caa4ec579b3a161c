// What the API server has of an instance, read afresh.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ConfigMap, Namespace, PersistentVolumeClaim, Secret } from 'kubernetes-types/core/v1.js'
import { seeNamespace, type Known } from '#shared/instance/known.ts'
import { namespaceOf, objectNames, tombstoneOf } from '#shared/instance/names.ts'
import { readInstance, type Instance } from '#shared/instance/read.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import type { InstanceSecrets } from '#shared/instance/spec.ts'
import { readTombstone } from '#shared/instance/tombstone.ts'
import type { Storage } from '#shared/instance/volume-claims.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import { allowed } from './allowed.ts'
import { deploymentRef, namespaceRef } from './refs.ts'

export async function readKnown(
  kubernetes: Kubernetes,
  name: string,
  functionsNamespace: string,
  signal: AbortSignal,
): Promise<Known> {
  const [namespace, tombstone] = await Promise.all([
    kubernetes.get<Namespace>(namespaceRef(name), { signal }),
    kubernetes.get<ConfigMap>(tombstoneRef(name, functionsNamespace), { signal }),
  ])
  return { namespace: namespace && seeNamespace(namespace), tombstone: tombstone && readTombstone(tombstone) }
}

function tombstoneRef(name: string, namespace: string): Ref {
  return { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: tombstoneOf(name) }
}

/** Undefined when there is no Deployment, or one that is no instance. */
export async function readDeployed(
  kubernetes: Kubernetes,
  name: string,
  signal: AbortSignal,
): Promise<Instance | undefined> {
  const deployment = await kubernetes.get<Deployment>(deploymentRef(name), { signal })
  return deployment && readInstance(deployment)
}

export async function readPasswords(
  kubernetes: Kubernetes,
  name: string,
  signal: AbortSignal,
): Promise<InstanceSecrets | undefined> {
  const ref: Ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: objectNames.secret }
  const secret = await allowed(() => kubernetes.get<Secret>(ref, { signal }), signal)
  return secret && readSecrets(secret)
}

/** What the volumes have today: they grow and never shrink. */
export async function readStorage(kubernetes: Kubernetes, name: string, signal: AbortSignal): Promise<Storage> {
  const [addons, filestore] = await Promise.all(
    [objectNames.addons, objectNames.filestore].map(async (claim) => {
      const ref: Ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: namespaceOf(name), name: claim }
      const found = await allowed(() => kubernetes.get<PersistentVolumeClaim>(ref, { signal }), signal)
      return found?.spec?.resources?.requests?.['storage']
    }),
  )
  return { ...(addons !== undefined && { addons }), ...(filestore !== undefined && { filestore }) }
}
