// Server-side apply that refuses what a plain one only warns of: fields that the API does not know, and duplicates. Finds
// each kind by discovery, so that it knows those of others too.
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { z } from 'zod'
import type { Rendered } from './render.ts'

const resources = z.object({
  resources: z.array(z.looseObject({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
})
const written = z.looseObject({
  metadata: z.looseObject({ generation: z.number().optional(), resourceVersion: z.string() }),
})

export interface StrictApply {
  /** What changes with the object and stays as it is without: its generation, or its version where it has none. */
  (object: Rendered): Promise<number | string>
}

export function strictApply(kubernetes: Kubernetes, signal: () => AbortSignal): StrictApply {
  const kinds = new Map<string, Promise<z.output<typeof resources>>>()
  return async (object) => {
    const { apiVersion, kind, metadata } = object
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const asked =
      kinds.get(root) ??
      kubernetes.request<unknown>('GET', root, { signal: signal() }).then((list) => resources.parse(list))
    kinds.set(root, asked)
    const found = (await asked).resources.find((one) => one.kind === kind && !one.name.includes('/'))
    if (found === undefined) throw new Error(`the API server knows no ${kind} of ${apiVersion}`)
    const place = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : ''
    const applied = await kubernetes.request<unknown>('PATCH', `${root}${place}/${found.name}/${metadata.name}`, {
      body: object,
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'test', force: true, fieldValidation: 'Strict' },
      signal: signal(),
    })
    const { generation, resourceVersion } = written.parse(applied).metadata
    return generation ?? resourceVersion
  }
}
