// The two instances of the story, requested as the Instance Manager would: CloudEvents by HTTP to the broker.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { EventRecord, Memory } from '#local/broker/memory.ts'
import { makeEvent } from '#shared/events/emit.ts'
import type { Publisher } from '#shared/events/publish.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export const story = [
  { name: 'demo', tier: 'free' },
  { name: 'shop', tier: 'pro' },
] as const

export interface RequestDeps {
  readonly kubernetes: Kubernetes
  readonly publisher: Publisher
  readonly baseDomain: string
  readonly odooVersion: string
  readonly memory: Memory
  readonly signal: AbortSignal
}

export class NotProvisioned extends Error {
  override readonly name = 'NotProvisioned'
}

/** Requests what is not there yet and resolves when it is. The broker answers when provisioning is done, or has failed. */
export async function requestMissing(deps: RequestDeps): Promise<readonly string[]> {
  const wanted = await Promise.all(story.map(async (one) => ((await exists(one.name, deps)) ? [] : [one])))
  await Promise.all(wanted.flat().map((one) => request(one, deps)))
  return wanted.flat().map(({ name }) => name)
}

async function request({ name, tier }: (typeof story)[number], deps: RequestDeps): Promise<void> {
  const { publisher, baseDomain, odooVersion, signal } = deps
  const event = makeEvent({
    type: 'io.platxa.instance.requested.v1',
    source: '//instance-manager.platxa.io',
    // The same request is the same event, however often the world starts.
    id: `${name}-1-requested`,
    data: { name, revision: 1, ownerId: 'local', tier, odooVersion, hosts: [`${name}.${baseDomain}`] },
  })
  await publisher.publish(event, { signal })
  if (await exists(name, deps)) return
  throw new NotProvisioned(`${name} was requested and not made. ${told(name, deps.memory.list())}`)
}

/** Every answer that somebody gave about it, because the console that shows them is about to end. */
function told(name: string, events: readonly EventRecord[]): string {
  const own = events.filter(({ subject }) => subject === `instances/${name}`).toReversed()
  const lines = own.flatMap(({ type, data, deliveries }) => [
    `${type} ${data}`,
    ...deliveries.map(({ trigger, outcome, attempts }) => {
      const answers = attempts.map(({ answer, said }) => `${answer} ${said}`.trim())
      return `  ${trigger}: ${outcome}; ${answers.join(', ')}`
    }),
  ])
  return ['These events went by:', ...lines].join('\n  ')
}

async function exists(name: string, { kubernetes, signal }: RequestDeps): Promise<boolean> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  return (await kubernetes.get<Deployment>(ref, { signal })) !== undefined
}
