import type { Kubernetes } from './kubernetes.ts'

export interface ConnectOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string
  /** URL of the API server, with `ca` (PEM) and `token`, instead of a kubeconfig. */
  readonly server?: string
  readonly ca?: string
  readonly token?: string
}

/** Without options: the pod's own service account when we run in a cluster, else the user's kubeconfig. */
export async function connect(_options: ConnectOptions = {}): Promise<Kubernetes> {
  throw new Error('not yet')
}
