import { collectionPath, kindOf, objectPath, refOf, resourceOf } from './kinds.ts'
import { isNotFound } from './errors.ts'
import type { KindRef, Kubernetes, PatchOptions, Ref, Scaled, ScaleOptions } from './kubernetes.ts'
import type { Limits } from './limits.ts'
import { readItems } from './pages.ts'
import { secretValues } from './status.ts'
import type { Outgoing, Transport } from './transport.ts'
import { watchKind } from './watch.ts'

const PATCH_TYPES: Readonly<Record<PatchOptions['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

export function createClient(transport: Transport, limits: Limits): Kubernetes {
  const send = <T>(outgoing: Outgoing) => transport.send<T>(outgoing)
  return {
    get: async (ref, { signal }) =>
      await orUndefined(send({ method: 'GET', path: objectPath(ref), call: callOf('get', ref), signal })),

    list: (kind, options) => readItems(transport, kind, options),

    create: async (object, { signal }) => {
      const kind = kindOf(object)
      const path = collectionPath(kind)
      return await send({ method: 'POST', path, ...bodyOf(kind, object), call: callOf('create', kind), signal })
    },

    apply: async (object, { fieldManager, force = true, signal }) => {
      const ref = refOf(object)
      return await send({
        method: 'PATCH',
        path: objectPath(ref),
        query: { fieldManager, force },
        contentType: 'application/apply-patch+yaml', // JSON is YAML
        ...bodyOf(ref, object),
        call: callOf('patch', ref),
        signal,
      })
    },

    patch: async (ref, body, { type, subresource, fieldManager, signal }) =>
      await send({
        method: 'PATCH',
        path: objectPath(ref, subresource),
        query: { fieldManager },
        contentType: PATCH_TYPES[type],
        ...bodyOf(ref, body),
        call: callOf('patch', ref, subresource),
        signal,
      }),

    scale: async (ref, replicas, options) => await scale(transport, ref, replicas, options),

    delete: async (ref, { uid, gracePeriodSeconds, propagationPolicy, signal }) => {
      const preconditions = uid === undefined ? undefined : { uid }
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions, gracePeriodSeconds, propagationPolicy }
      const call = callOf('delete', ref)
      return (await orUndefined(send({ method: 'DELETE', path: objectPath(ref), body, call, signal }))) !== undefined
    },

    watch: (kind, options) => watchKind(transport, limits, kind, options),

    request: async (method, path, { body, contentType, query, signal }) => {
      const call = { verb: VERBS[method] ?? method.toLowerCase(), resource: path }
      return await send({ method, path, body, contentType, query, call, secrets: secretValues(body), signal })
    },

    close: () => transport.close(),
  }
}

interface ScaleBody {
  readonly metadata: { readonly resourceVersion: string }
  readonly spec?: { readonly replicas?: number }
}

/** The identity of the object goes into the patch itself: the API server compares and answers 409. */
async function scale(
  transport: Transport,
  ref: Ref,
  replicas: number,
  { uid, resourceVersion, signal }: ScaleOptions,
): Promise<Scaled> {
  const body = { metadata: { uid, resourceVersion }, spec: { replicas } }
  const { metadata, spec } = await transport.send<ScaleBody>({
    method: 'PATCH',
    path: objectPath(ref, 'scale'),
    contentType: PATCH_TYPES.merge,
    body,
    call: callOf('patch', ref, 'scale'),
    signal,
  })
  return { replicas: spec?.replicas ?? 0, resourceVersion: metadata.resourceVersion }
}

function callOf(verb: string, ref: KindRef & { readonly name?: string }, subresource?: string): Outgoing['call'] {
  const { plural } = resourceOf(ref)
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  return { verb, resource, name: ref.name, namespace: ref.namespace }
}

function bodyOf({ apiVersion, kind }: KindRef, body: unknown): Pick<Outgoing, 'body' | 'secrets'> {
  const isSecret = apiVersion === 'v1' && kind === 'Secret'
  return isSecret ? { body, secrets: secretValues(body) } : { body }
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  return await answer.catch((error: unknown) => {
    if (isNotFound(error)) return undefined
    throw error
  })
}
