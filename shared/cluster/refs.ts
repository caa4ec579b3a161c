import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import type { Ref } from '#shared/k8s/kubernetes.ts'

export function namespaceRef(name: string): Ref {
  return { apiVersion: 'v1', kind: 'Namespace', name: namespaceOf(name) }
}

export function deploymentRef(name: string): Ref {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
}
