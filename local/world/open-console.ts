// The console as part of the running world.
import type { Broker } from '#local/broker/broker.ts'
import { consoleApp } from '#local/console/app.ts'
import { createPublisher } from '#shared/events/publish.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { ReplicaSettings } from '#shared/wake/replicas.ts'
import type { Laptop } from './laptop.ts'
import { listenOn, type Listening } from './listen.ts'

interface ConsoleParts {
  readonly kubernetes: Kubernetes
  readonly broker: Broker
  readonly laptop: Laptop
  readonly wake: ReplicaSettings
  readonly odooVersion: string
  readonly log: Log
  readonly stack: AsyncDisposableStack
}

export async function openConsole({ stack, broker, laptop, log, ...rest }: ConsoleParts): Promise<Listening> {
  const publisher = createPublisher({ sink: laptop.brokerUrl, log })
  const end = new AbortController()
  const app = consoleApp({
    ...rest,
    memory: broker.memory,
    idleTimeoutMs: laptop.idleTimeoutMs,
    publish: (event) => publisher.publish(event, { signal: end.signal }),
    urlOf: (host) => `http://${host}:${laptop.port}/`,
    baseDomain: laptop.baseDomain,
    brokerUrl: laptop.brokerUrl,
    log,
  })
  const listening = await listenOn(app, 0)
  stack.defer(() => listening.close())
  stack.defer(() => end.abort())
  return listening
}
