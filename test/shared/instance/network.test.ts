import { describe, expect, it } from 'vitest'
import { defaultDenyAll } from '#shared/instance/default-deny-all.ts'
import { ingresses } from '#shared/instance/ingress.ts'
import { retiredObjects } from '#shared/instance/objects.ts'
import { odooInstancePolicy } from '#shared/instance/odoo-instance-policy.ts'
import { service } from '#shared/instance/service.ts'
import { wakingService } from '#shared/instance/waking-service.ts'
import { platformOf, specOf } from './builders.ts'

function policy(spec: object = {}, platform: Record<string, string> = {}) {
  const { egress = [], ingress = [] } = odooInstancePolicy(specOf({ ...spec }), platformOf(platform)).spec ?? {}
  return { egress, ingress }
}

const tcp = (port: number) => ({ protocol: 'TCP', port })

describe('network policies', () => {
  it('deny both ways for every pod first', () => {
    expect(defaultDenyAll(specOf()).spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  })

  it('let in Traefik and wake alone, from their own namespace, on the two ports', () => {
    expect(policy().ingress).toEqual([
      {
        from: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'traefik-system' } },
            podSelector: {
              matchExpressions: [{ key: 'app.kubernetes.io/name', operator: 'In', values: ['traefik', 'wake'] }],
            },
          },
        ],
        ports: [tcp(8069), tcp(8072)],
      },
    ])
  })

  it('let out to cluster DNS by one peer with both selectors, UDP and TCP', () => {
    const dns = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    }
    const dnsPorts = [{ protocol: 'UDP', port: 53 }, tcp(53)]
    expect(policy().egress[0]).toEqual({ to: [dns], ports: dnsPorts })
    expect(policy({}, { NODE_LOCAL_DNS: 'on' }).egress[0]).toEqual({
      to: [dns, { ipBlock: { cidr: '169.254.20.10/32' } }],
      ports: dnsPorts,
    })
  })

  it('let out to the pods of PostgreSQL, or to its networks', () => {
    expect(policy().egress[1]).toEqual({
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'postgres-system' } },
          podSelector: { matchLabels: { 'app.kubernetes.io/name': 'postgres' } },
        },
      ],
      ports: [tcp(5432)],
    })
    expect(policy({}, { POSTGRES_CIDRS: '10.9.0.0/24', PGPORT: '25060' }).egress[1]).toEqual({
      to: [{ ipBlock: { cidr: '10.9.0.0/24' } }],
      ports: [tcp(25_060)],
    })
  })

  it('let out to the internet on 443, never to the cluster or the metadata address', () => {
    const except = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8']
    const four = { ipBlock: { cidr: '0.0.0.0/0', except } }
    const six = { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } }
    expect(policy().egress[2]).toEqual({ to: [four], ports: [tcp(443)] })
    expect(policy({}, { IPV6_EGRESS: 'on' }).egress[2]).toEqual({ to: [four, six], ports: [tcp(443)] })
  })

  it.each([
    ['free', undefined, false],
    ['pro', undefined, true],
    ['pro', false, false],
    ['free', true, true],
  ])('of %s with egressMail %s open the mail ports: %s', (tier, egressMail, open) => {
    const { egress } = policy({ tier, egressMail })
    expect(egress).toHaveLength(open ? 4 : 3)
    if (open) expect(egress[3]?.ports).toEqual([tcp(465), tcp(587), tcp(993), tcp(995)])
  })

  it('never open port 25', () => {
    expect(JSON.stringify(policy({ egressMail: true }))).not.toContain('"port":25}')
  })
})

describe('services', () => {
  it.each([
    ['free', 'fit', 8069],
    ['free', 'published', 8072],
    ['pro', 'fit', 8072],
    ['enterprise', 'fit', 8072],
  ])('of %s with policy %s lead WebSockets to port %i', (tier, policy, target) => {
    const { ports } = service(specOf({ tier }), platformOf({ WORKERS_POLICY: policy })).spec ?? {}
    expect(ports?.map(({ port, targetPort }) => [port, targetPort])).toEqual([
      [8069, 8069],
      [8072, target],
    ])
  })

  it('give the front door a local name with its own port', () => {
    expect(wakingService(specOf(), platformOf()).spec).toEqual({
      type: 'ExternalName',
      externalName: 'waking-service.traefik-system.svc.cluster.local',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080, targetPort: 8080 }],
    })
  })
})

function routes(spec: object = {}, platform: Record<string, string> = {}) {
  return ingresses(specOf({ ...spec }), platformOf(platform)).flatMap(({ metadata, spec: { rules = [] } = {} }) =>
    rules.flatMap(({ host, http }) =>
      (http?.paths ?? []).map(({ path, backend: { service } }) =>
        [metadata.name, `${host}${path}`, `${service?.name}:${service?.port?.number}`].join(' → '),
      ),
    ),
  )
}

describe('ingress', () => {
  it('leads every host to the front door, which knows the paths itself', () => {
    expect(routes({ hosts: ['erp.example.org'] })).toEqual([
      'odoo → erp.example.org/ → waking-service:8080',
      'odoo → shop.platxa.com/ → waking-service:8080',
    ])
  })

  it('leads straight to Odoo where the tier never sleeps, but keeps the database manager closed', () => {
    expect(routes({ route: 'direct' })).toEqual([
      'odoo → shop.platxa.com/websocket → odoo-shop:8072',
      'odoo → shop.platxa.com/longpolling → odoo-shop:8072',
      'odoo → shop.platxa.com/web/database → waking-service:8080',
      'odoo → shop.platxa.com/ → odoo-shop:8069',
    ])
  })

  it.each(['suspended', 'disabled'])(
    'leads to the front door alone when it is %s: only that has a page for it',
    (status) => {
      expect(routes({ route: 'direct', status })).toEqual(['odoo → shop.platxa.com/ → waking-service:8080'])
    },
  )

  it('gives custom hosts an Ingress and a certificate of their own where there is an issuer', () => {
    const hosts = ['erp.example.org']
    const platform = { CUSTOM_HOSTS_ISSUER: 'letsencrypt' }
    expect(routes({ hosts }, platform)).toEqual([
      'odoo → shop.platxa.com/ → waking-service:8080',
      'odoo-custom-hosts → erp.example.org/ → waking-service:8080',
    ])
    const [plain, custom] = ingresses(specOf({ hosts }), platformOf(platform))
    expect(plain?.spec).not.toHaveProperty('tls')
    expect(custom?.spec?.tls).toEqual([{ hosts, secretName: 'odoo-custom-hosts-tls' }])
    expect(custom?.metadata.annotations).toMatchObject({ 'cert-manager.io/cluster-issuer': 'letsencrypt' })
  })

  it('retires that one when the last custom host is gone', () => {
    const platform = platformOf({ CUSTOM_HOSTS_ISSUER: 'letsencrypt' })
    expect(retiredObjects(specOf({ hosts: ['erp.example.org'] }), platform)).toEqual([])
    expect(retiredObjects(specOf(), platform)).toEqual([
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        namespace: 'instance-shop',
        name: 'odoo-custom-hosts',
      },
    ])
  })

  it('follows the platform in TLS and middlewares', () => {
    const annotations = (platform: Record<string, string>) =>
      ingresses(specOf(), platformOf(platform))[0]?.metadata.annotations
    expect(annotations({})).toEqual({
      'traefik.ingress.kubernetes.io/router.entrypoints': 'websecure',
      'traefik.ingress.kubernetes.io/router.tls': 'true',
    })
    expect(annotations({ INGRESS_TLS: 'off', INGRESS_MIDDLEWARES: 'a-b@kubernetescrd, c-d@kubernetescrd' })).toEqual({
      'traefik.ingress.kubernetes.io/router.entrypoints': 'web',
      'traefik.ingress.kubernetes.io/router.middlewares': 'a-b@kubernetescrd,c-d@kubernetescrd',
    })
  })
})
