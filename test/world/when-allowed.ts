import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000

/** Makes a pod in a new namespace, which is a moment older than its default service account and until then refuses pods. */
export async function whenAllowed<T>(create: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + LIMIT_MS
  for (;;) {
    try {
      return await create()
    } catch (error) {
      const early = error instanceof Error && error.message.includes('serviceaccount "default" not found')
      if (!early || performance.now() > deadline) throw error
      await sleep(50)
    }
  }
}
