/** An Admin whose connections are cut right after its k-th statement, as if the process had been killed there. */
import type { Admin, Session } from '#shared/postgres/connect.ts'

export interface CutAdmin extends Admin {
  /** Statements that were answered so far. */
  readonly statements: () => number
}

/** `root` does the cutting. Without a `cutAfter` it only counts. */
export function cutAdmin(admin: Admin, root: Admin, cutAfter = Infinity): CutAdmin {
  const { signal } = new AbortController()
  const backends = new Set<number>()
  let statements = 0
  const cut = (): Promise<unknown> =>
    root.session({ signal }, (session) =>
      session.query('SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS pid', [[...backends]]),
    )
  const watched = (session: Session): Session => ({
    ...session,
    async query(text, values) {
      const rows = await session.query<never>(text, values)
      statements += 1
      if (statements === cutAfter) await cut()
      return rows
    },
  })
  return {
    settings: admin.settings,
    statements: () => statements,
    session: (options, use) =>
      admin.session(options, async (session) => {
        const [self] = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        const pid = self?.pid ?? 0
        backends.add(pid)
        return use(watched(session)).finally(() => backends.delete(pid))
      }),
  }
}
