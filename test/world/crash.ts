// A process that ends right after its k-th write, to the API server or to PostgreSQL: from then on no call of it gets
// through, and its connections to PostgreSQL are closed, which undoes an open transaction and gives its locks back.
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin, Session } from '#shared/postgres/connect.ts'

export interface Mortal {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
  /** In the order they were made: `apply Namespace instance-x`, `ALTER ROLE "odoo_x" NOLOGIN`. */
  readonly writes: readonly string[]
}

class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded'
}

/** Without `endAfter` it only counts. */
export function mortal(
  { kubernetes, admin }: { readonly kubernetes: Kubernetes; readonly admin: Admin },
  endAfter = Infinity,
): Mortal {
  const writes: string[] = []
  const alive = (): void => {
    if (writes.length >= endAfter) throw new ProcessEnded(`ended after "${writes.at(-1)}"`)
  }
  const read = async <T>(call: () => Promise<T>): Promise<T> => {
    alive()
    return call()
  }
  const write = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    alive()
    const result = await call()
    // Of two under way at once, the other may reach the server after the end: nobody counts it.
    alive()
    writes.push(what)
    alive()
    return result
  }
  return {
    writes,
    kubernetes: mortalKubernetes(kubernetes, alive, read, write),
    admin: mortalAdmin(admin, read, write),
  }
}

type Read = <T>(call: () => Promise<T>) => Promise<T>
type Write = <T>(what: string, call: () => Promise<T>) => Promise<T>

function mortalKubernetes(kubernetes: Kubernetes, alive: () => void, read: Read, write: Write): Kubernetes {
  return {
    ...kubernetes,
    get: (ref, options) => read(() => kubernetes.get(ref, options)),
    async *list(kind, options) {
      alive()
      yield* kubernetes.list(kind, options)
      alive()
    },
    create: (object, options) => write(`create ${object.kind}`, () => kubernetes.create(object, options)),
    apply: (object, options) =>
      write(`apply ${object.kind} ${object.metadata?.name}`, () => kubernetes.apply(object, options)),
    patch: (ref, body, options) => write(`patch ${ref.kind} ${ref.name}`, () => kubernetes.patch(ref, body, options)),
    scale: (ref, replicas, options) =>
      write(`scale ${ref.name} to ${replicas}`, () => kubernetes.scale(ref, replicas, options)),
    delete: (ref, options) => write(`delete ${ref.kind} ${ref.name}`, () => kubernetes.delete(ref, options)),
  }
}

/** Statements that leave something behind; a COMMIT does what its transaction only promised. */
const WRITING = /^\s*(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|REASSIGN|INSERT|UPDATE|DELETE|COMMIT|SELECT pg_terminate)/

function mortalAdmin(admin: Admin, read: Read, write: Write): Admin {
  const watched = (session: Session): Session => ({
    ...session,
    query: (text, values) => {
      const call = () => session.query<never>(text, values)
      return WRITING.test(text) ? write(text.trim().slice(0, 80), call) : read(call)
    },
  })
  return {
    settings: admin.settings,
    session: (options, use) => read(() => admin.session(options, (session) => use(watched(session)))),
  }
}
