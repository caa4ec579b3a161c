import { pino } from 'pino'
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
    formatters: {
      level: (label: string) => ({ level: label }),
      log: withoutSecrets,
      bindings: withoutSecrets,
    },
  }
  return write ? pino(options, { write }) : pino(options)
}
