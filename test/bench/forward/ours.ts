// One wake replica with everything in front of the forwarder switched on, and one instance that is awake. Its cluster is the two objects
// it would see there. argv: port, port of the instance.
import { setTimeout as sleep } from 'node:timers/promises'
import { trafficServer } from '#functions/wake/serve.ts'
import { createWake } from '#functions/wake/wake.ts'
import { annotationKeys, deploymentOf, labelKeys, namespaceOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { createLog } from '#shared/server/log.ts'
import { createMetrics } from '#shared/server/metrics.ts'

const [port = '0', instance = '0'] = process.argv.slice(2)
const name = 'demo'
const host = 'demo.localhost'
const objects: Record<string, unknown> = {
  Deployment: {
    metadata: {
      name: deploymentOf(name),
      namespace: namespaceOf(name),
      uid: 'deployment-1',
      resourceVersion: '1',
      labels: {
        app: 'odoo',
        [labelKeys.instance]: name,
        [labelKeys.status]: 'active',
        [labelKeys.resourceTier]: 'free',
      },
      annotations: { [annotationKeys.hosts]: host },
    },
    spec: { replicas: 1 },
    status: { replicas: 1, readyReplicas: 1 },
  },
  Pod: {
    metadata: { name: 'odoo-demo-1', namespace: namespaceOf(name), uid: 'pod-1', labels: { app: 'odoo' } },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'odoo', state: { running: {} }, ready: true }],
    },
  },
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a replica at rest only watches
const kubernetes = {
  async *watch({ kind }: { kind: string }, { pick }: { pick: (object: unknown) => unknown }): AsyncGenerator {
    yield { type: 'synced', objects: [pick(objects[kind])] }
    await new Promise(() => undefined)
  },
  patch: async () => objects['Deployment'],
} as unknown as Kubernetes

const wake = createWake({
  settings: {
    replica: 'bench',
    source: '//functions.platxa.io/wake',
    namespacePattern: 'instance-*',
    labelSelector: 'app=odoo',
    wakeTimeoutMs: 60_000,
    idleTimeoutMs: 900_000,
    holdTimeoutMs: 50_000,
    holdsPerInstance: 1_000,
    holdsTotal: 10_000,
    longestFenceMs: 10_000,
    trustedProxies: ['127.0.0.0/8'],
    closeDatabaseManager: true,
    httpPort: Number(instance),
  },
  kubernetes,
  publisher: undefined,
  metrics: createMetrics(),
  log: createLog('bench', { level: 'error' }),
  accepting: () => true,
})
void wake.watch()
while (wake.rooms.at(host)?.room.life.is !== 'awake') await sleep(20)
const server = trafficServer(wake.door)
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(server.address())))
