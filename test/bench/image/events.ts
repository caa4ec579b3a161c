// One event for each function that it answers after having looked at the world, where it finds nothing to do: provision has made an
// instance, and what it and others are told of it is older, or is so already. Of nobody else is there anything.
export interface FirstEvent {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Of an event that it carries out, every time it comes. */
  readonly work?: unknown
  /** Sent to the control port. */
  readonly control?: true
}

export const MADE = 'made'
const NOBODY = 'nobody'
const UID = '00000000-0000-4000-8000-000000000000'
const JSON_BODY = { 'content-type': 'application/json' }

function event(name: string, type: string, data: object, more: Partial<FirstEvent> = {}): FirstEvent {
  const headers = {
    ...JSON_BODY,
    'ce-specversion': '1.0',
    'ce-source': '//bench.example',
    'ce-type': type,
    'ce-subject': `instances/${NOBODY}`,
    ...more.headers,
  }
  return { name, path: '/', body: data, ...more, headers }
}

const alert = {
  status: 'firing',
  labels: { alertname: 'InstanceIdle', namespace: 'instance-nobody' },
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '0001-01-01T00:00:00Z',
  fingerprint: '5ef77f1f8a3ecf8d',
}

const OLD = 1
const NEWEST = 2
const requested = { name: MADE, ownerId: 'u-1', tier: 'free', odooVersion: '19', hosts: ['made.platxa.com'] }
const tier = { name: MADE, tier: 'free', apply: 'now' }
const active = { name: MADE, status: 'active' }

/** What has work to do is asked for what is older than its work. */
function eventAndWork(name: string, type: string, data: object): FirstEvent {
  return event(name, type, { ...data, revision: OLD }, { work: { ...data, revision: NEWEST } })
}

/** `uid` of the instance, once it is made. */
export const firstEvents = (uid: string): readonly FirstEvent[] => [
  eventAndWork('provision', 'io.platxa.instance.requested.v1', requested),
  event('change-tier', 'io.platxa.instance.tier.changed.v1', { ...tier, revision: NEWEST }),
  eventAndWork('change-status', 'io.platxa.instance.status.changed.v1', active),
  event(
    'remove',
    'io.platxa.instance.removal.requested.v1',
    { name: MADE, revision: OLD, uid, keepDatabase: false },
    { work: { name: NOBODY, revision: NEWEST, uid: UID, keepDatabase: false } },
  ),
  event('sleep', 'io.platxa.instance.idle.detected.v1', {
    name: NOBODY,
    lastActivityAt: '2026-01-01T00:00:00Z',
    idleSeconds: 900,
    deploymentUid: UID,
    evidence: { replicas: 1, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 900 },
  }),
  event('scan-idle', 'io.platxa.idle.scan.requested.v1', { scope: [NOBODY], idleSeconds: 60 }),
  event(
    'dead-letter',
    'io.platxa.instance.wake.requested.v1',
    { name: MADE, trigger: 'manual' },
    {
      headers: {
        'ce-subject': `instances/${MADE}`,
        'ce-knativeerrorcode': '503',
        'ce-knativeerrordest': 'http://wake-events.traefik-system',
      },
    },
  ),
  event('wake', 'io.platxa.instance.wake.requested.v1', { name: NOBODY, trigger: 'manual' }, { control: true }),
  {
    name: 'relay-alerts',
    path: '/',
    headers: JSON_BODY,
    body: { version: '4', receiver: 'platxa', alerts: [alert] },
  },
]
