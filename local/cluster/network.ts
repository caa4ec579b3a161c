// Addresses of the node, all of them in a network namespace of its own, so two clusters on one machine never meet.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { SERVICE_RANGE } from '#local/control-plane/start.ts'

const run = promisify(execFile)

export const NODE = 'node'
export const NODE_ADDRESS = '172.30.0.1'
/** Of Traefik's Service, as a cloud's load balancer would have one. */
export const EDGE_ADDRESS = '172.30.0.2'
export const DNS_ADDRESS = '10.96.0.10'
export const CLUSTER_DOMAIN = 'cluster.local'
/** Hosts of instances, as in manifests/overlays/ci. */
export const BASE_DOMAIN = 'cluster.example'
/** Where clouds tell a machine its secrets. Here it answers too, so that a refusal is seen to be one. */
export const METADATA_ADDRESS = '169.254.169.254'
/** Stands for the internet; a documentation address. */
export const INTERNET_ADDRESS = '203.0.113.10'
export const POD_RANGE = '10.244.0.0/22'

/** Links and addresses; the namespace is new and has nothing yet. */
export async function layNetwork(): Promise<void> {
  const ip = (line: string): Promise<unknown> => run('ip', line.split(' '))
  await ip('link set lo up')
  await ip('link add node0 type bridge')
  await ip('link set node0 up')
  for (const address of [NODE_ADDRESS, EDGE_ADDRESS]) await ip(`addr add ${address}/32 dev node0`)
  // what the node itself sends to a Service is routed before kube-proxy gives it another address
  await ip(`route add ${SERVICE_RANGE} dev node0 src ${NODE_ADDRESS}`)
  for (const address of [METADATA_ADDRESS, INTERNET_ADDRESS]) await ip(`addr add ${address}/32 dev lo`)
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
}

/**
 * Each pod has a point-to-point link to the node and no neighbour: everything between two pods is routed, and so passes
 * where policies are enforced.
 */
export function podNetwork(dataDir: string): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(dataDir, 'cni-addresses'),
          ranges: [[{ subnet: POD_RANGE }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  }
}
