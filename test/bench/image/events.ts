// One event for each function that it answers after having looked at the world. Provision makes an instance the first time
// and later finds it made; what others are told of it is so already. Of nobody else is there anything.
export interface FirstEvent {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Sent to the control port. */
  readonly control?: true
}

const MADE = 'made'
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

export const firstEvents: readonly FirstEvent[] = [
  event('provision', 'io.platxa.instance.requested.v1', {
    name: MADE,
    revision: 1,
    ownerId: 'u-1',
    tier: 'free',
    odooVersion: '19',
    hosts: ['made.platxa.com'],
  }),
  event('change-tier', 'io.platxa.instance.tier.changed.v1', { name: MADE, revision: 1, tier: 'free', apply: 'now' }),
  event('change-status', 'io.platxa.instance.status.changed.v1', { name: MADE, revision: 1, status: 'active' }),
  event('remove', 'io.platxa.instance.removal.requested.v1', {
    name: NOBODY,
    revision: 1,
    uid: UID,
    keepDatabase: false,
  }),
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
