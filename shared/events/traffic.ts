// Who says what to whom, in one sentence per type: the source of the published contracts (npm run contracts). Tests hold
// it against the Triggers and against what the functions speak of.
import type { EventType } from '#shared/events/catalogue.ts'

/** Each is a folder of functions/. */
export const functionNames = [
  'provision',
  'change-tier',
  'change-status',
  'remove',
  'wake',
  'scan-idle',
  'sleep',
  'relay-alerts',
] as const
export type FunctionName = (typeof functionNames)[number]

/** The last two are outside of this repository, and everybody who may publish may be an operator. */
export type Party = FunctionName | 'PingSource' | 'Instance Manager' | 'operators'

export interface Traffic {
  /** What the event means, as one sentence for people. */
  readonly means: string
  readonly from: readonly Party[]
  /** Empty: whoever has a Trigger for it. */
  readonly to: readonly Party[]
}

const manager = ['Instance Manager'] as const

export const traffic: Readonly<Record<EventType, Traffic>> = {
  'io.platxa.instance.requested.v1': {
    means:
      'An instance shall be there, with this tier, version and hosts; made when it is new, adapted when it is not.',
    from: manager,
    to: ['provision'],
  },
  'io.platxa.instance.tier.changed.v1': {
    means: 'The instance shall have another tier.',
    from: manager,
    to: ['change-tier'],
  },
  'io.platxa.instance.status.changed.v1': {
    means: 'The instance shall be suspended, disabled or active again.',
    from: manager,
    to: ['change-status'],
  },
  'io.platxa.instance.removal.requested.v1': {
    means: 'The instance with this namespace UID shall go, with its database or without.',
    from: manager,
    to: ['remove'],
  },
  'io.platxa.instance.wake.requested.v1': {
    means: 'The instance shall wake; with the attribute expirytime, only until then.',
    from: ['Instance Manager', 'operators', 'scan-idle'],
    to: ['wake'],
  },
  'io.platxa.instance.idle.detected.v1': {
    means: 'Nobody has used the instance for long enough, as far as every wake replica knows.',
    from: ['scan-idle'],
    to: ['sleep'],
  },
  'io.platxa.instance.provisioned.v1': {
    means: 'The instance is there as this revision asked for it, and answers at its URL.',
    from: ['provision'],
    to: manager,
  },
  'io.platxa.instance.provision.failed.v1': {
    means: 'The instance cannot be made as this revision asks for it, however often it is tried.',
    from: ['provision'],
    to: manager,
  },
  'io.platxa.instance.woken.v1': {
    means: 'The instance was asleep and now lets requests in.',
    from: ['wake'],
    to: manager,
  },
  'io.platxa.instance.wake.failed.v1': {
    means: 'The instance was to wake and did not come up.',
    from: ['wake'],
    to: manager,
  },
  'io.platxa.instance.slept.v1': {
    means: 'The instance has been put to sleep: 0 replicas.',
    from: ['sleep'],
    to: [...manager, 'change-tier'],
  },
  'io.platxa.instance.sleep.declined.v1': {
    means: 'The instance looked idle and stays awake all the same.',
    from: ['sleep'],
    to: manager,
  },
  'io.platxa.instance.tier.applied.v1': {
    means: 'The instance has the tier of this revision.',
    from: ['change-tier'],
    to: manager,
  },
  'io.platxa.instance.status.applied.v1': {
    means: 'The instance has the status of this revision.',
    from: ['change-status'],
    to: [...manager, 'change-tier'],
  },
  'io.platxa.instance.removed.v1': {
    means: 'The instance and its namespace are gone.',
    from: ['remove'],
    to: manager,
  },
  'io.platxa.alert.firing.v1': {
    means: 'Alertmanager says that an alert fires: a hint to look, never a reason to act.',
    from: ['relay-alerts'],
    to: ['scan-idle'],
  },
  'io.platxa.alert.resolved.v1': {
    means: 'Alertmanager says that an alert is over.',
    from: ['relay-alerts'],
    to: [],
  },
  'io.platxa.idle.scan.requested.v1': {
    means: 'Look now which of these instances are idle.',
    from: ['operators'],
    to: ['scan-idle'],
  },
  'dev.knative.sources.ping': {
    means: 'The cron tick of Knative: look which instances are idle.',
    from: ['PingSource'],
    to: ['scan-idle'],
  },
}

export function isFunction(party: Party): party is FunctionName {
  return functionNames.some((name) => name === party)
}

/** The attribute `source`, where there is only one possible; relay-alerts speaks in the name of Alertmanager. */
export function sourceOf(type: EventType): string | undefined {
  const [sender, ...others] = traffic[type].from
  if (sender === undefined || others.length > 0) return undefined
  return isFunction(sender) && sender !== 'relay-alerts' ? `//functions.platxa.io/${sender}` : undefined
}
