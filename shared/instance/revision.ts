// What an event may still change when events come late, twice or in the wrong order. The Instance Manager counts one
// revision per instance, but its events speak of different parts of it: `requested` of everything but the status,
// `tier.changed` of the tier, `status.changed` of the status. So each part remembers which revision set it last, and an
// event is too old only for a part that a newer one has spoken of. Equal is not older: it is the same event again, which
// may have been cut off half way.
import type { EventData } from '#shared/events/catalogue.ts'
import type { InstanceSpec } from './spec.ts'

type TierChanged = EventData<'io.platxa.instance.tier.changed.v1'>
type StatusChanged = EventData<'io.platxa.instance.status.changed.v1'>

/** `wanted` is what the event alone asks for. Undefined: a newer request has been applied. */
export function mergeRequested(before: InstanceSpec | undefined, wanted: InstanceSpec): InstanceSpec | undefined {
  if (before === undefined) return wanted
  const { revision } = wanted
  if (isOutdated(before, revision)) return undefined
  const { revisions, pendingTier, tierSettledBy, status, route, egressMail } = before
  // The three that no request speaks of.
  const merged = { ...wanted, status, route, egressMail, revision: Math.max(before.revision, revision) }
  if (revision >= revisions.tier) return { ...merged, revisions: { ...revisions, requested: revision, tier: revision } }
  return {
    ...merged,
    tier: before.tier,
    pendingTier,
    tierSettledBy,
    revisions: { ...revisions, requested: revision },
  }
}

/**
 * The new tier is pending until `settleTier`: wanted, and not yet everywhere. With `when-asleep` the objects stay those of
 * the old one until `beginTier`.
 */
export function mergeTier(before: InstanceSpec, { revision, tier, apply }: TierChanged): InstanceSpec | undefined {
  const { revisions, pendingTier } = before
  if (revision < revisions.tier) return undefined
  const known = revision === revisions.tier && tier === (pendingTier?.tier ?? before.tier)
  const merged: InstanceSpec = known
    ? before
    : {
        ...before,
        pendingTier: { tier, revision, is: 'waiting' },
        tierSettledBy: undefined,
        revision: Math.max(before.revision, revision),
        revisions: { ...revisions, tier: revision },
      }
  return apply === 'now' ? beginTier(merged) : merged
}

/** The pending tier is now the one that the objects are computed from. */
export function beginTier(spec: InstanceSpec): InstanceSpec {
  return spec.pendingTier ? { ...spec, tier: spec.pendingTier.tier } : spec
}

/** How far the pending tier has come. */
export function advanceTier(spec: InstanceSpec, is: 'restarting' | 'resized'): InstanceSpec {
  const { pendingTier } = spec
  return pendingTier ? { ...beginTier(spec), pendingTier: { ...pendingTier, is } } : spec
}

/** Nothing is left to do for the pending tier. `by` is the event for which it had waited. */
export function settleTier(spec: InstanceSpec, by?: string): InstanceSpec {
  return { ...beginTier(spec), pendingTier: undefined, tierSettledBy: by }
}

export function mergeStatus(before: InstanceSpec, { revision, status }: StatusChanged): InstanceSpec | undefined {
  const { revisions } = before
  if (revision < revisions.status) return undefined
  return {
    ...before,
    status,
    revision: Math.max(before.revision, revision),
    revisions: { ...revisions, status: revision },
  }
}

/**
 * Whether the instance was asked for by a newer revision than this one, of a request or of a removal. A newer tier or
 * status alone does not save it from a removal: had they come in their own order, they would have found nothing.
 */
export function isOutdated(spec: InstanceSpec, revision: number): boolean {
  return revision < spec.revisions.requested
}

/** What `platxa.io/revision` says after an event was carried out whole. */
export function appliedAfter(before: number | undefined, revision: number): number {
  return Math.max(before ?? 0, revision)
}
