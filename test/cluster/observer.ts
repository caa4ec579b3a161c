// Whatever the broker hears, by a Trigger without a filter.
import { ask, cluster, probePod, signal, until } from './world.ts'

export interface Heard {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly data: unknown
}

export interface Observer {
  /** The first event that fits, from the beginning. */
  heard(fits: (event: Heard) => boolean): Promise<Heard>
}

interface Conditioned {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

const EVENTING = 'eventing.knative.dev/v1'

export async function observe(namespace: string): Promise<Observer> {
  const kubernetes = await cluster()
  const options = { fieldManager: 'test', signal: signal() }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, options)
  const address = await probePod({ namespace, name: 'observer' })
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'observer', namespace } }
  const ports = [{ port: 80, targetPort: 8080 }]
  await kubernetes.apply<object>({ ...service, spec: { selector: { app: 'observer' }, ports } }, options)
  const trigger = { apiVersion: EVENTING, kind: 'Trigger', metadata: { name: namespace, namespace: 'platxa' } }
  const ref = { apiVersion: 'v1', kind: 'Service', name: 'observer', namespace }
  await kubernetes.apply<object>({ ...trigger, spec: { broker: 'default', subscriber: { ref } } }, options)
  await until(
    () => kubernetes.get<Conditioned>({ ...trigger, ...trigger.metadata }, { signal: signal() }),
    (found) => found?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
  )
  const all = async (): Promise<readonly Heard[]> =>
    JSON.parse((await ask(address, '/seen', { port: 8080 })).body) as readonly Heard[]
  return {
    async heard(fits) {
      const events = await until(all, (seen) => seen.some(fits))
      return events.find(fits) as Heard
    },
  }
}
