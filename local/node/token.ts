// A pod's own token, asked of the API server as the kubelet does: for this pod alone, and for no longer than it lives.
import { setTimeout as sleep } from 'node:timers/promises'

import type { TokenRequest } from 'kubernetes-types/authentication/v1.js'
import type { Pod, ServiceAccountTokenProjection } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { replaceFile } from './files.ts'

/** Of a token's life, after which a fresh one is fetched. */
const RENEW_AT = 0.8
const RETRY_MS = 5000
const LONGEST_MS = 24 * 3600 * 1000

export interface TokenFile {
  readonly file: string
  readonly pod: Pod
  readonly projection: ServiceAccountTokenProjection
  readonly kubernetes: Kubernetes
}

/** Writes the first token and says when it wants renewing. */
export async function writeToken(token: TokenFile, signal: AbortSignal): Promise<number> {
  const { file, pod, projection, kubernetes } = token
  const { metadata, spec } = pod
  const account = spec?.serviceAccountName ?? 'default'
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      // None: the API server's own audience.
      audiences: projection.audience === undefined ? [] : [projection.audience],
      expirationSeconds: projection.expirationSeconds ?? 3600,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata?.name ?? '', uid: metadata?.uid ?? '' },
    },
  }
  const path = `/api/v1/namespaces/${metadata?.namespace}/serviceaccounts/${account}/token`
  const { status } = await kubernetes.request<TokenRequest>('POST', path, { body, signal })
  if (status === undefined) throw new Error(`no token came for service account ${account}`)
  await replaceFile(file, status.token, 0o600)
  const lifeMs = Date.parse(status.expirationTimestamp) - Date.now()
  return Math.min(lifeMs * RENEW_AT, LONGEST_MS)
}

/** Ends with the signal, which is when the pod ends. */
export async function keepToken(token: TokenFile, firstMs: number, log: Log, signal: AbortSignal): Promise<void> {
  let waitMs = firstMs
  for (;;) {
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      waitMs = await writeToken(token, signal)
    } catch (error) {
      waitMs = RETRY_MS
      if (!signal.aborted) log.warn({ error, file: token.file }, 'could not renew a service account token')
    }
  }
}
