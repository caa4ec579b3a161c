// What only provisioning does in the cluster: passwords that nobody has yet, words of the first boot, what is no longer wanted.
import { randomBytes } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { readPasswords } from '#shared/cluster/read.ts'
import { annotationKeys, fieldManager } from '#shared/instance/names.ts'
import { retiredObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { whyAwake, type WokenBy } from '#shared/instance/why.ts'
import type { InstanceSecrets, InstanceSpec } from '#shared/instance/spec.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'

/** The passwords that an earlier run made, else new ones. Only the Secret knows them; asked again, they are the same. */
export async function readOrMakeSecrets(
  kubernetes: Kubernetes,
  name: string,
  signal: AbortSignal,
): Promise<InstanceSecrets> {
  const made = await readPasswords(kubernetes, name, signal)
  return made ?? { password: randomPassword(), adminPassword: randomPassword() }
}

/** 192 bits, in letters that need no quoting anywhere. */
function randomPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** What an earlier spec had and this one has not. */
export async function removeRetired(
  kubernetes: Kubernetes,
  spec: InstanceSpec,
  platform: Platform,
  signal: AbortSignal,
): Promise<void> {
  for (const object of retiredObjects(spec, platform)) await kubernetes.delete(object, { signal })
}

/** A new Deployment starts with one replica. Why it is awake is said once; from then on wake and sleep say it. */
export async function explainFirstBoot(
  kubernetes: Kubernetes,
  deployment: Deployment,
  now: Temporal.Instant,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, annotations } = deployment.metadata ?? {}
  if (name === undefined || namespace === undefined || annotations?.[annotationKeys.why] !== undefined) return
  const ref: Ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name }
  const by: WokenBy = { trigger: 'first start' }
  const said = {
    [annotationKeys.why]: whyAwake({ since: now, wokenBy: by, lastVeto: undefined, sleepsAt: undefined }),
    [annotationKeys.since]: now.toString({ smallestUnit: 'second' }),
    [annotationKeys.wokenBy]: JSON.stringify(by),
  }
  await kubernetes.patch(ref, { metadata: { annotations: said } }, { type: 'merge', fieldManager, signal })
}
