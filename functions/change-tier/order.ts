// In which order the objects follow a tier (odoo.md §1.10): what a larger pod needs comes before it, what would be too
// small for the one that still runs comes after.
import type { Tier } from '#shared/events/catalogue.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { tiers } from '#shared/instance/tiers.ts'

const upwards = ['ResourceQuota', 'LimitRange', 'PersistentVolumeClaim', 'ConfigMap', 'Service', 'Deployment']
const downwards = ['ConfigMap', 'Service', 'Deployment', 'PersistentVolumeClaim', 'LimitRange', 'ResourceQuota']

export function isLarger(to: Tier, from: Tier): boolean {
  return tiers[to].memoryMi > tiers[from].memoryMi
}

/** Kinds that no order is said of come first; nothing of theirs but a label changes with the tier. */
export function inOrder(objects: readonly KubernetesObject[], to: Tier, from: Tier): readonly KubernetesObject[] {
  const order = isLarger(from, to) ? downwards : upwards
  return objects.toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))
}
