// Checks of the ingress: the switches without which instances are 404, and its certificate.
import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { ask, deployment, listOf } from './ask.ts'
import { bad, type Check, type Finding, good, unknown } from './finding.ts'

interface Switch {
  readonly option: string
  readonly wanted: string
  readonly without: string
  /** What an absent option means. */
  readonly absent?: string
}

const switches: readonly Switch[] = [
  {
    option: 'providers.kubernetesingress.allowexternalnameservices',
    wanted: 'true',
    without: 'Traefik does not follow ExternalName Services: every instance is 404',
  },
  {
    option: 'providers.kubernetesingress.allowemptyservices',
    wanted: 'true',
    without: 'a sleeper that is routed directly is 404, as if it did not exist',
  },
  {
    option: 'providers.providersthrottleduration',
    wanted: '50ms',
    without: 'a new instance is 404 for up to 2 s after it was made',
  },
  { option: 'providers.knative', wanted: 'true', without: 'nobody plays Knative’s ingress: functions never get ready' },
]

export const traefikSwitches: Check = {
  name: 'Traefik',
  beforeInstall: false,
  clusterOnly: true,
  async look(patient) {
    const path = '/apis/apps/v1/namespaces/traefik-system/deployments'
    const found = (await ask(patient, path, listOf(deployment)))?.items ?? []
    const traefik = found.find(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === 'traefik')
    if (traefik === undefined) {
      return [bad('there is no Traefik in namespace traefik-system', 'kubectl apply -k manifests/overlays/…')]
    }
    const args = traefik.spec.template.spec.containers.flatMap((container) => container.args)
    const options = optionsOf(args)
    if (options.has('configfile')) {
      return [unknown('Traefik is configured by a file, which was not read', `look for ${switches[0]?.option} in it`)]
    }
    return [running(traefik.status.availableReplicas), ...switches.map((one) => judge(one, options))]
  },
}

function running(available: number): Finding {
  if (available > 0) return good(`Traefik runs, ${available} time${available === 1 ? '' : 's'}`)
  return bad('Traefik does not run', 'kubectl -n traefik-system describe deployment traefik')
}

function judge({ option, wanted, without }: Switch, options: ReadonlyMap<string, string>): Finding {
  // `--providers.knative.…` switches the provider on as well.
  const implied = [...options.keys()].some((name) => name.startsWith(`${option}.`)) && wanted === 'true'
  if (options.get(option) === wanted || implied) return good(`Traefik has ${option}`)
  return bad(without, `add --${option}=${wanted} to Traefik’s arguments`)
}

/** As Traefik reads them: in any case, and `--x` means true. */
function optionsOf(args: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    args.map((arg) => {
      const [name = '', value = 'true'] = arg.replace(/^--?/, '').split(/=(.*)/s)
      return [name.toLowerCase(), value.toLowerCase()]
    }),
  )
}

const secret = z.looseObject({ data: z.record(z.string(), z.string()).default({}) })

export const certificate: Check = {
  name: 'certificate',
  beforeInstall: false,
  clusterOnly: true,
  async look(patient) {
    if (patient.settings['INGRESS_TLS'] === 'off') return [good('instances are served without TLS (INGRESS_TLS)')]
    const found = await ask(patient, '/api/v1/namespaces/traefik-system/secrets/wildcard-tls', secret)
    const pem = found?.data['tls.crt']
    if (pem === undefined) {
      return [
        bad(
          'there is no wildcard certificate: browsers see a made-up one of Traefik',
          'kubectl -n traefik-system describe certificate wildcard (and its order and challenge)',
        ),
      ]
    }
    const parsed = new X509Certificate(Buffer.from(pem, 'base64'))
    const domain = patient.settings['BASE_DOMAIN'] ?? ''
    const ends = Temporal.Instant.fromEpochMilliseconds(Date.parse(parsed.validTo))
    if (Temporal.Instant.compare(ends, patient.now()) < 0) {
      return [
        bad(`the certificate ended on ${parsed.validTo}`, 'kubectl -n traefik-system describe certificate wildcard'),
      ]
    }
    if (parsed.checkHost(`any.${domain}`) === undefined) {
      return [
        bad(
          `the certificate is for ${parsed.subjectAltName ?? 'nobody'}, not for *.${domain}`,
          'name the domain in dnsNames of Certificate traefik-system/wildcard, or mend BASE_DOMAIN',
        ),
      ]
    }
    return [good(`the certificate is for *.${domain}, until ${parsed.validTo}`)]
  },
}
