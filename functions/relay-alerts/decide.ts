// One event per alert. An alert is a hint to look, never a reason to act: whoever receives it reads the world.
import type { EventData } from '#shared/events/catalogue.ts'
import { instanceOfNamespace } from '#shared/instance/names.ts'
import type { Alert, Notification } from './event.ts'

export interface Relayed {
  readonly type: 'io.platxa.alert.firing.v1' | 'io.platxa.alert.resolved.v1'
  /** `<fingerprint>:<startsAt, unix seconds>:<status>`: the same for every repetition of the same firing. */
  readonly id: string
  readonly source: string
  readonly time: string
  /** The instance whose namespace the alert names. */
  readonly instance: string | undefined
  readonly data: EventData<'io.platxa.alert.firing.v1'>
}

export function decide({ alerts, externalURL, receiver }: Notification): readonly Relayed[] {
  const source = URL.canParse(externalURL) ? externalURL : `//alertmanager/${encodeURIComponent(receiver)}`
  const relayed = alerts.map((alert) => relay(alert, source))
  return [...new Map(relayed.map((one) => [one.id, one])).values()]
}

function relay({ status, labels, startsAt, endsAt, fingerprint }: Alert, source: string): Relayed {
  const { alertname = '', namespace } = labels
  const began = Math.floor(Temporal.Instant.from(startsAt).epochMilliseconds / 1000)
  return {
    type: status === 'firing' ? 'io.platxa.alert.firing.v1' : 'io.platxa.alert.resolved.v1',
    id: `${fingerprint}:${began}:${status}`,
    source,
    // Alertmanager writes nanoseconds and the year 1 for "not ended".
    time: Temporal.Instant.from(status === 'firing' ? startsAt : endsAt).toString({ smallestUnit: 'millisecond' }),
    instance: namespace === undefined ? undefined : instanceOfNamespace(namespace),
    data: { alert: alertname, labels, fingerprint, ...(namespace ? { namespace } : {}) },
  }
}
