import { pino, type Logger } from 'pino'
import { withoutSecrets } from '#shared/server/redact.ts'

export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  readonly level?: LogLevel | undefined
  /** Standard output when left out. */
  readonly write?: ((line: string) => void) | undefined
}

/** One JSON line per call, with `time`, `level`, `function`, `message` and the given fields; secrets are taken out. */
export function createLog(name: string, { level = 'info', write }: LogOptions = {}): Log {
  const options = {
    level,
    base: { function: name },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
  }
  // Synchronous, or the last lines of a process come out in the wrong order, if at all.
  return logOf(pino(options, write ? { write } : pino.destination({ dest: 1, sync: true })))
}

function logOf(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    // pino formats the fields of each line, but not those of a child.
    child: (fields) => logOf(logger.child(withoutSecrets(fields))),
  }
}
