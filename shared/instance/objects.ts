// All objects of an instance, in the order in which they must come to be.
import { configMap } from './config-map.ts'
import { defaultDenyAll } from './default-deny-all.ts'
import { deployment } from './deployment.ts'
import { ingresses } from './ingress.ts'
import { limitRange } from './limit-range.ts'
import { namespaceOf, objectNames } from './names.ts'
import { namespace } from './namespace.ts'
import type { KubernetesObject } from './object.ts'
import { odooInstancePolicy } from './odoo-instance-policy.ts'
import type { Platform } from './platform.ts'
import { resourceQuota } from './resource-quota.ts'
import { observeBinding, scaleBinding, tenantAdminBinding } from './role-bindings.ts'
import { secret } from './secret.ts'
import { service } from './service.ts'
import type { InstanceSecrets, InstanceSpec } from './spec.ts'
import { volumeClaims, type Storage } from './volume-claims.ts'
import { wakingService } from './waking-service.ts'

/**
 * Namespace first, then who may act in it, then its limits and walls, then what runs inside. The same order is right for
 * a larger tier (quota → limits → config → pod); for a smaller one the pod goes first.
 *
 * Whoever applies them must try again for a moment on 403: RoleBindings take effect, and quotas are counted, some
 * milliseconds after the API server has said 201.
 */
export function instanceObjects(
  spec: InstanceSpec,
  platform: Platform,
  secrets: InstanceSecrets,
  storageToday?: Storage,
): readonly KubernetesObject[] {
  return [
    namespace(spec),
    tenantAdminBinding(spec, platform),
    scaleBinding(spec, platform),
    observeBinding(spec, platform),
    resourceQuota(spec, platform),
    limitRange(spec, storageToday),
    defaultDenyAll(spec),
    odooInstancePolicy(spec, platform),
    secret(spec, platform, secrets),
    configMap(spec, platform),
    ...volumeClaims(spec, platform, storageToday),
    service(spec, platform),
    wakingService(spec, platform),
    deployment(spec, platform, secrets),
    ...ingresses(spec, platform),
  ]
}

export interface RetiredObject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Objects that an earlier spec may have had and this one has not: to be deleted after the others are applied. */
export function retiredObjects(spec: InstanceSpec, platform: Platform): readonly RetiredObject[] {
  const custom = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    namespace: namespaceOf(spec.name),
    name: objectNames.customHostsIngress,
  }
  const wanted = ingresses(spec, platform).some(({ metadata }) => metadata.name === custom.name)
  return wanted ? [] : [custom]
}
