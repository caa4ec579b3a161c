// Thousands of real Deployments, as provisioning makes them, in one namespace: no scan looks at namespaces.
import { deployment } from '#shared/instance/deployment.ts'
import { annotationKeys } from '#shared/instance/names.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'
import type { Kit } from '../figure.ts'
import type { Cluster } from '../wake/cluster.ts'

const NAMESPACE = 'instance-fleet'
const AT_ONCE = 48
const platform = platformOf({ BASE_DOMAIN: 'localhost' })

export interface FleetSize {
  readonly asleep: number
  readonly awake: number
}

/** `fleet-1`, `fleet-2` …; the first ones are awake. */
export async function fillCluster(kit: Kit, { kubernetes }: Cluster, { asleep, awake }: FleetSize): Promise<void> {
  const { signal } = kit
  await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }, { signal })
  let made = 0
  const maker = async (): Promise<void> => {
    while (made < asleep + awake) {
      made += 1
      if (made % 2_000 === 0) kit.say(`instance ${made} of ${asleep + awake}`)
      await kubernetes.create(instance(made, made <= awake), { signal })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, maker))
}

function instance(number: number, isAwake: boolean) {
  const name = `fleet-${number}`
  const made = deployment(specOf({ name, hosts: [`${name}.localhost`] }), platform, secrets)
  const annotations = {
    ...made.metadata.annotations,
    [annotationKeys.since]: '2026-01-01T00:00:00Z',
    [annotationKeys.why]: 'as the bench made it',
    // Every sleeper has a job it is woken for, some day.
    ...(isAwake ? {} : { [annotationKeys.wakeAt]: '2999-01-01T00:00:00Z' }),
  }
  const metadata = { ...made.metadata, namespace: NAMESPACE, annotations }
  return { ...made, metadata, spec: { ...made.spec, replicas: isAwake ? 1 : 0 } }
}
