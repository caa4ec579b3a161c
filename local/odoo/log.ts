// Lines in Odoo's own format, so that whoever reads a pod's log finds what they are used to.

export type Level = 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL'
export type OdooLog = (level: Level, logger: string, message: string) => void

/** `2026-11-23 18:16:00,123 4711 INFO odoo_demo odoo.http: message`, to stderr as Odoo does. */
export function odooLog(database: string): OdooLog {
  return (level, logger, message) => {
    const time = new Date().toISOString().replace('T', ' ').replace('.', ',').slice(0, 23)
    process.stderr.write(`${time} ${process.pid} ${level} ${database} ${logger}: ${message}\n`)
  }
}
