// All checks on one cluster. One that cannot be done is told like any other finding and keeps no other from being done.
import { isForbidden, KubernetesError } from '#shared/k8s/errors.ts'
import { PostgresUnavailable } from '#shared/postgres/errors.ts'
import { clock, customDefinitions, kubernetesVersion, storage } from './cluster.ts'
import { bad, type Check, type Finding, type Patient, unknown } from './finding.ts'
import { knativeIngress, knativeVersions, readiness } from './knative.ts'
import { access, frontDoor, settings, walls } from './platform.ts'
import { postgresServer, templates } from './postgres.ts'
import { certificate, traefikSwitches } from './traefik.ts'

export const checks: readonly Check[] = [
  kubernetesVersion,
  clock,
  customDefinitions,
  knativeVersions,
  knativeIngress,
  storage,
  settings,
  access,
  walls,
  traefikSwitches,
  certificate,
  postgresServer,
  templates,
  frontDoor,
  readiness,
]

const TUNNEL =
  'from outside: kubectl -n postgres-system port-forward service/postgres 5432, and --postgres postgres://platxa:PASSWORD@127.0.0.1:5432/postgres'

export interface Examined {
  readonly check: string
  readonly findings: readonly Finding[]
}

export async function examine(
  patient: Patient,
  { beforeInstall }: { readonly beforeInstall: boolean },
): Promise<readonly Examined[]> {
  const wanted = checks.filter(
    (check) => (!beforeInstall || check.beforeInstall) && !(check.clusterOnly && patient.isLocalWorld),
  )
  return Promise.all(wanted.map(async (check) => ({ check: check.name, findings: await lookWith(check, patient) })))
}

async function lookWith(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    return await check.look(patient)
  } catch (error) {
    if (isForbidden(error)) return [unknown(`you may not look: ${error.message}`, 'ask again as an administrator')]
    if (error instanceof PostgresUnavailable) return [unknown(`PostgreSQL did not answer: ${error.message}`, TUNNEL)]
    if (!(error instanceof KubernetesError)) throw error
    return [bad(error.message, 'is the API server there, and is this the right kubeconfig?')]
  }
}
