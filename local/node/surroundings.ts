// The environment that every container has here, beside what its pod says.
import { join } from 'node:path'

import type { Container, Pod } from 'kubernetes-types/core/v1.js'

import type { Values } from './environment.ts'

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Of this process; nothing else of its environment reaches a pod. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']

export interface SurroundingsOf {
  readonly pod: Pod
  readonly container: Container
  readonly root: string
  readonly podIP: string
  readonly apiServer: { readonly host: string; readonly port: string }
}

/** `base` may be overridden by the pod. `fixed` may not: a process that listens on all addresses would take its neighbours'. */
export function surroundings(of: SurroundingsOf): { base: Values; fixed: Values } {
  const { pod, container, root, podIP, apiServer } = of
  const mounted = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath.replace(/\/$/, '')))
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  })
  return {
    base: {
      ...Object.fromEntries(inherited),
      HOME: root,
      HOSTNAME: pod.metadata?.name ?? '',
      ...(mounted.has('/tmp') && { TMPDIR: join(root, 'tmp') }),
    },
    fixed: {
      CONTAINER_ROOT: root,
      POD_IP: podIP,
      HOST: podIP,
      KUBERNETES_SERVICE_HOST: apiServer.host,
      KUBERNETES_SERVICE_PORT: apiServer.port,
      ...(mounted.has(SERVICE_ACCOUNT) && { SERVICE_ACCOUNT_DIR: join(root, SERVICE_ACCOUNT) }),
    },
  }
}
