import { describe, expect, it } from 'vitest'
import { deployment } from '#shared/instance/deployment.ts'
import { podSpec } from '#shared/instance/pod.ts'
import { platformOf, secrets, specOf } from './builders.ts'

function container(spec: object = {}, platform: Record<string, string> = {}) {
  const [odoo] = podSpec(specOf({ ...spec }), platformOf(platform)).containers
  if (!odoo) throw new Error('no container')
  return odoo
}

function made(spec: object = {}, platform: Record<string, string> = {}, version = 1) {
  return deployment(specOf({ ...spec }), platformOf(platform), { ...secrets, version })
}

function hashOf(spec: object = {}, platform: Record<string, string> = {}, version = 1) {
  return made(spec, platform, version).spec?.template.metadata?.annotations?.['platxa.io/config-hash']
}

describe('the Deployment', () => {
  it('leaves replicas to wake and sleep', () => {
    expect(made().spec).not.toHaveProperty('replicas')
  })

  it('never runs two servers on one database', () => {
    expect(made().spec?.strategy).toEqual({ type: 'Recreate' })
  })

  it('selects by what never changes', () => {
    expect(made().spec?.selector).toEqual({ matchLabels: { app: 'odoo', 'app.kubernetes.io/instance': 'shop' } })
    expect(made().spec?.template.metadata?.labels).toMatchObject({ app: 'odoo', 'app.kubernetes.io/instance': 'shop' })
  })

  it('tells the front door hosts, series and workers', () => {
    expect(made({ hosts: ['erp.example.org'] }).metadata.annotations).toEqual({
      'platxa.io/hosts': 'erp.example.org,shop.platxa.com',
      'platxa.io/odoo-version': '19',
      'platxa.io/workers': '2',
    })
  })

  it.each([
    ['the tier', { tier: 'team' }, {}, 1],
    ['the policy of workers', {}, { WORKERS_POLICY: 'published' }, 1],
    ['the pooler', {}, { POOLER: 'off' }, 1],
    ['the address of PostgreSQL', {}, { PGHOST: 'pg.example.org' }, 1],
    ['the password', {}, {}, 2],
  ])('restarts its pod when %s changes', (_, spec, platform, version) => {
    expect(hashOf(spec, platform, version)).not.toBe(hashOf())
  })

  it.each([
    ['revision', { revision: 8 }],
    ['hosts', { hosts: ['other.platxa.com'] }],
    ['route', { route: 'direct' }],
    ['mail', { egressMail: false }],
  ])('does not restart its pod for a new %s', (_, spec) => {
    expect(made(spec).spec?.template).toEqual(made().spec?.template)
  })
})

describe('the pod', () => {
  it.each([
    ['free', '250m', '1', '512Mi', 60, 8],
    ['pro', '500m', '2', '1Gi', 260, 14],
    ['team', '1', '4', '2Gi', 620, 32],
    ['enterprise', '2', '8', '4Gi', 1220, 62],
  ] as const)('%s asks for %s of %s cpu and %s, ends within %i s, hangs after %i checks', (tier, ...row) => {
    const [request, limit, memory, grace, failures] = row
    const pod = podSpec(specOf({ tier }), platformOf())
    expect(pod.containers[0]?.resources).toEqual({
      requests: { cpu: request, memory },
      limits: { cpu: limit, memory },
    })
    expect(pod.terminationGracePeriodSeconds).toBe(grace)
    expect(pod.containers[0]?.livenessProbe?.failureThreshold).toBe(failures)
  })

  it.each([
    ['14', 101],
    ['17', 101],
    ['18', 100],
    ['19', 100],
  ])('of series %s runs as uid %i in group 101, by number', (odooVersion, uid) => {
    expect(podSpec(specOf({ odooVersion }), platformOf()).securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: 101,
      fsGroup: 101,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    })
  })

  it('gives tenant code no token, no service links and nothing to write to but its volumes', () => {
    const pod = podSpec(specOf(), platformOf())
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    for (const one of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(one.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        privileged: false,
        readOnlyRootFilesystem: true,
      })
    }
  })

  it('keeps all of data_dir, so that a sleep logs nobody out, and no lost+found among the addons', () => {
    expect(container().volumeMounts).toEqual([
      { name: 'filestore', mountPath: '/var/lib/odoo' },
      { name: 'addons', mountPath: '/mnt/extra-addons', subPath: 'addons' },
      { name: 'config', mountPath: '/etc/odoo', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ])
  })

  it('can be resized in place', () => {
    expect(container().resizePolicy).toEqual([
      { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      { resourceName: 'memory', restartPolicy: 'NotRequired' },
    ])
  })

  it('is asked for its health, and a series without a health route for its port only', () => {
    expect(container().startupProbe).toEqual({
      httpGet: { path: '/web/health', port: 8069 },
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 60,
    })
    expect(container().readinessProbe).toMatchObject({ httpGet: { path: '/web/health' }, failureThreshold: 3 })
    expect(container().livenessProbe).toMatchObject({ httpGet: { path: '/web/health' }, periodSeconds: 20 })
    const old = container({ odooVersion: '14' })
    for (const probe of [old.startupProbe, old.readinessProbe, old.livenessProbe]) {
      expect(probe).toMatchObject({ tcpSocket: { port: 8069 } })
      expect(probe).not.toHaveProperty('httpGet')
    }
  })

  it('never names a password in its arguments', () => {
    expect(container().command).toEqual(['odoo'])
    expect(container()).not.toHaveProperty('args')
  })

  it('dials its own pooler, or PostgreSQL by the Secret where the pooler is switched off', () => {
    const value = (platform: Record<string, string>, name: string) =>
      container({}, platform).env?.find((one) => one.name === name)
    expect(value({}, 'PGHOST')).toEqual({ name: 'PGHOST', value: '127.0.0.1' })
    expect(value({}, 'PGPORT')).toEqual({ name: 'PGPORT', value: '6432' })
    for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE']) {
      const valueFrom = { secretKeyRef: { name: 'odoo-secrets', key: name } }
      expect(value({ POOLER: 'off' }, name)).toEqual({ name, valueFrom })
    }
  })

  it('trusts the authority of PostgreSQL where one is set', () => {
    const platform = { POOLER: 'off', POSTGRES_CA: 'PEM' }
    expect(container({}, platform).env).toContainEqual({ name: 'PGSSLROOTCERT', value: '/etc/odoo/postgres-ca.crt' })
    const config = podSpec(specOf(), platformOf(platform)).volumes?.find(({ name }) => name === 'config')
    expect(config?.configMap?.items?.map(({ path }) => path)).toEqual(['odoo.conf', 'postgres-ca.crt'])
  })
})

describe('the pooler', () => {
  it('is a native sidecar that alone sees the password file', () => {
    const pod = podSpec(specOf(), platformOf({ POOLER_IMAGE: 'pgb:1' }))
    expect(pod.initContainers).toHaveLength(1)
    expect(pod.initContainers?.[0]).toMatchObject({ name: 'pooler', image: 'pgb:1', restartPolicy: 'Always' })
    expect(pod.initContainers?.[0]?.volumeMounts).toEqual([
      { name: 'pooler', mountPath: '/etc/pgbouncer', readOnly: true },
    ])
    expect(pod.containers[0]?.volumeMounts?.some(({ name }) => name === 'pooler')).toBe(false)
  })

  it('is not there when it is switched off', () => {
    const pod = podSpec(specOf(), platformOf({ POOLER: 'off' }))
    expect(pod).not.toHaveProperty('initContainers')
    expect(pod.volumes?.some(({ name }) => name === 'pooler')).toBe(false)
  })
})
