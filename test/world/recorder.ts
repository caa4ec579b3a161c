// Every call of a function to the API server, in the words of RBAC.
import { collectionPath, kindOf, refOf, resourceOf } from '#shared/k8s/kinds.ts'
import type { KindRef, Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'

/** Where a right must hold: inside of an instance, in another namespace, or in all of them. */
export type Place = 'instance' | (string & {})
export type Right = `${string} in ${Place}`

/** `patch apps/deployments/scale in instance` */
export function rightOf(verb: string, resource: string, place: Place): Right {
  return `${verb} ${resource} in ${place}`
}

/** The same client, which adds what it needed to `used`. `looking` sees whether an object that is applied is there. */
export function recorded(kubernetes: Kubernetes, looking: Kubernetes, used: Set<Right>): Kubernetes {
  const add = (verb: string, kind: KindRef & { readonly name?: string }, subresource?: string): void => {
    const resource = [groupOf(kind), resourceOf(kind).plural, subresource].filter(Boolean).join('/')
    used.add(rightOf(verb, resource, placeOf(kind)))
    // Whoever lets somebody else in must be allowed to hand out that very role.
    if (kind.kind === 'RoleBinding') used.add(rightOf('bind', 'rbac.authorization.k8s.io/clusterroles', 'all'))
  }
  return {
    ...kubernetes,
    get: (ref, options) => (add('get', ref), kubernetes.get(ref, options)),
    list: (kind, options) => (add('list', kind), kubernetes.list(kind, options)),
    watch(kind, options) {
      add('list', kind)
      add('watch', kind)
      return kubernetes.watch(kind, options)
    },
    create: (object, options) => (add('create', kindOf(object)), kubernetes.create(object, options)),
    async apply(object, options) {
      const ref: Ref = refOf(object)
      if ((await looking.get(ref, options)) === undefined) add('create', ref)
      add('patch', ref)
      return kubernetes.apply(object, options)
    },
    patch: (ref, body, options) => (add('patch', ref, options.subresource), kubernetes.patch(ref, body, options)),
    scale: (ref, replicas, options) => (add('patch', ref, 'scale'), kubernetes.scale(ref, replicas, options)),
    delete: (ref, options) => (add('delete', ref), kubernetes.delete(ref, options)),
  }
}

function groupOf(kind: KindRef): string {
  const [group] = /^\/apis\/([^/]+)/.exec(collectionPath(kind))?.slice(1) ?? []
  return group ?? ''
}

/** A namespace is in itself: a Role inside of it may speak of it. */
function placeOf(kind: KindRef & { readonly name?: string }): Place {
  const namespace = kind.kind === 'Namespace' ? kind.name : kind.namespace
  if (namespace === undefined) return 'all'
  return namespace.startsWith('instance-') ? 'instance' : namespace
}
