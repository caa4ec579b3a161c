import type { Log } from '#shared/server/log.ts'

/** On SIGTERM or SIGINT: stop, then leave with 0, or with 1 when stopping failed. Returns the function that forgets it. */
export function onTermination({ log, stop }: { readonly log: Log; readonly stop: () => Promise<void> }): () => void {
  const leave = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping')
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
  return () => {
    process.off('SIGTERM', leave)
    process.off('SIGINT', leave)
  }
}
