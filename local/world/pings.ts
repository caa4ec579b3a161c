// The PingSources of the manifests, ticking into the broker.
import type { Broker } from '#local/broker/broker.ts'
import type { BrokerManifest, PingSourceManifest } from '#local/broker/manifest.ts'
import { startPing } from '#local/broker/ping.ts'
import type { Parts } from './apply.ts'

export function startPings({ pings, brokers }: Parts, broker: Broker, stack: AsyncDisposableStack): void {
  for (const ping of pings) {
    const to = sinkOf(ping, brokers)
    stack.defer(startPing(ping, (event, signal) => broker.publish(event, to, { signal })))
  }
}

/** Only a Broker: a source gives a tick up far sooner than a broker does. */
function sinkOf(ping: PingSourceManifest, brokers: readonly BrokerManifest[]): { namespace: string; name: string } {
  const { ref } = ping.spec.sink
  const found = brokers.find(({ metadata }) => ref?.kind === 'Broker' && metadata.name === ref.name)
  if (found === undefined) throw new Error(`PingSource ${ping.metadata.name}: its sink is no Broker of the manifests`)
  return { namespace: found.metadata.namespace, name: found.metadata.name }
}
