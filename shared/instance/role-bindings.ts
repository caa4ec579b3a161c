// What lets our functions into this one namespace. The ClusterRoles themselves are in manifests/base/roles.yaml.
import type { RoleBinding, Subject } from 'kubernetes-types/rbac/v1.js'
import { labelKeys, roleNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import type { InstanceSpec } from './spec.ts'

/** 0 ↔ 1 and the annotations that explain it. */
export function scaleBinding(spec: InstanceSpec, platform: Platform): Desired<RoleBinding> {
  return binding(spec, roleNames.scale, [
    serviceAccount(platform.wakeNamespace, 'wake'),
    serviceAccount(platform.functionsNamespace, 'sleep'),
    serviceAccount(platform.functionsNamespace, 'remove'),
  ])
}

/** What keeps it awake: its maintenance Jobs, and its own login to its own database. */
export function observeBinding(spec: InstanceSpec, platform: Platform): Desired<RoleBinding> {
  return binding(spec, roleNames.observe, [serviceAccount(platform.functionsNamespace, 'sleep')])
}

/** Everything that makes up an instance, its Secret too: not for who only takes it away. */
export function tenantAdminBinding(spec: InstanceSpec, platform: Platform): Desired<RoleBinding> {
  const functions = ['provision', 'change-tier', 'change-status']
  return binding(
    spec,
    roleNames.tenantAdmin,
    functions.map((name) => serviceAccount(platform.functionsNamespace, name)),
  )
}

function binding(spec: InstanceSpec, role: string, subjects: Subject[]): Desired<RoleBinding> {
  const metadata = metadataOf(spec, role)
  // Only provision may write bindings, so no label is on them that another function changes.
  const { [labelKeys.status]: _, [labelKeys.resourceTier]: __, ...labels } = metadata.labels
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { ...metadata, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects,
  }
}

function serviceAccount(namespace: string, name: string): Subject {
  return { kind: 'ServiceAccount', namespace, name }
}
