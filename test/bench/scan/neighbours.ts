// Whom a scan speaks to beside the API server, each answering at once: wake replicas, and a broker that takes everything.
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Activity } from '#shared/wake/contract.ts'
import type { Cluster } from '../wake/cluster.ts'

export interface Neighbours {
  readonly environment: Readonly<Record<string, string | number>>
  published(): number
  different(): number
  stop(): Promise<void>
}

const NAMESPACE = 'traefik-system'

export async function startNeighbours(
  cluster: Cluster,
  size: { readonly awake: number; readonly idle: number; readonly replicas: number },
): Promise<Neighbours> {
  const ids = new Set<string>()
  let published = 0
  const broker = await listen('127.0.0.1', 0, (request, response) => {
    published += 1
    ids.add(String(request.headers['ce-id']))
    request.resume().on('end', () => response.writeHead(202).end())
  })
  const from = performance.now()
  const servers = [broker]
  let port = 0
  for (let replica = 1; replica <= size.replicas; replica += 1) {
    const server = await listen(`127.0.98.${replica}`, port, (_, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(activityOf(size, performance.now() - from)))
    })
    servers.push(server)
    port = portOf(server)
    await createPod(cluster, `wake-${replica}`, `127.0.98.${replica}`)
  }
  return {
    environment: {
      BROKER_URL: `http://127.0.0.1:${portOf(broker)}/`,
      WAKE_NAMESPACE: NAMESPACE,
      WAKE_CONTROL_PORT: port,
    },
    published: () => published,
    different: () => ids.size,
    async stop() {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => void server.close(resolve))
      }
    },
  }
}

/** The first ones are idle, the others were used a moment ago. */
function activityOf({ awake, idle }: { readonly awake: number; readonly idle: number }, passedMs: number): Activity {
  const instances: Activity['instances'] = {}
  for (let number = 1; number <= awake; number += 1) {
    instances[`fleet-${number}`] = {
      idleMs: number <= idle ? 1_800_000 + passedMs : 10,
      inFlight: 0,
      humanIdleMs: null,
      awakeMs: 3_600_000 + passedMs,
      sockets: 1,
      parked: 0,
      state: 'awake',
      why: 'as the bench says',
      fenced: false,
    }
  }
  return { replica: 'wake', upForMs: 7_200_000 + passedMs, instances }
}

async function createPod({ kubernetes }: Cluster, name: string, ip: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const apply = { fieldManager: 'bench', signal }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }, apply)
  const account = { name: 'default', namespace: NAMESPACE }
  await kubernetes.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, apply)
  const metadata = { name, namespace: NAMESPACE, labels: { 'app.kubernetes.io/name': 'wake' } }
  const spec = {
    nodeName: 'nowhere',
    automountServiceAccountToken: false,
    containers: [{ name: 'wake', image: 'wake' }],
  }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec }
  await kubernetes.create(pod, { signal })
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, name }
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] }
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal })
}

async function listen(host: string, port: number, answer: RequestListener): Promise<Server> {
  const server = createServer(answer).listen(port, host)
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
