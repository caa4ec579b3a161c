import { z } from 'zod'

import { type Environment, port, readEnv } from '#shared/server/env.ts'

import { createClient } from './client.ts'
import { createConnections } from './connections.ts'
import { givenIdentity, mountedIdentity, type ReadIdentity } from './identity.ts'
import type { Kubernetes } from './kubernetes.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { createTransport } from './transport.ts'

export interface ConnectOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string | undefined
  /** URL of the API server, with `ca` (PEM) and `token`, instead of a kubeconfig. */
  readonly server?: string | undefined
  readonly ca?: string | undefined
  readonly token?: string | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Where KUBERNETES_SERVICE_HOST and its like are looked up; the process's own unless told. */
  readonly environment?: Environment | undefined
}

const InCluster = z.object({
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  KUBERNETES_SERVICE_PORT: port.prefault('443'),
  SERVICE_ACCOUNT_DIR: z.string().default('/var/run/secrets/kubernetes.io/serviceaccount'),
})

/** Without options: the pod's own service account when we run in a cluster, else the user's kubeconfig. */
export async function connect(options: ConnectOptions = {}): Promise<Kubernetes> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const read = await identityFor(options)
  const connections = createConnections(await read(false), read, limits)
  return createClient(createTransport(connections, limits), limits)
}

async function identityFor({ kubeconfig, server, ca, token, environment }: ConnectOptions): Promise<ReadIdentity> {
  if (server !== undefined) return givenIdentity({ server, ca, token })
  if (kubeconfig === undefined) {
    const cluster = readEnv(InCluster, environment)
    const host = cluster.KUBERNETES_SERVICE_HOST
    if (host !== undefined) return mountedIdentity(cluster.SERVICE_ACCOUNT_DIR, host, cluster.KUBERNETES_SERVICE_PORT)
  }
  const { kubeconfigIdentity } = await import('./kubeconfig.ts')
  return kubeconfigIdentity(kubeconfig)
}
