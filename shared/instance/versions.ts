// What differs between the series of Odoo, as one table (facts: odoo.md §1.1, §1.4, §1.7; config.py of each series).
import { z } from 'zod'

export const odooVersion = z.enum(['14', '15', '16', '17', '18', '19'])
export type OdooVersion = z.output<typeof odooVersion>

export interface Series {
  /** Of user and group `odoo` in the image. Numeric, because the kubelet can't verify a name; a uid without a passwd entry crashes Odoo. */
  readonly uid: number
  readonly gid: number
  /** What odoo.conf calls the port of the gevent process. */
  readonly geventPortKey: 'longpolling_port' | 'gevent_port'
  /** Path that answers 200 without a session and without the database; undefined = probe the port only. */
  readonly healthPath: string | undefined
  /** odoo.conf knows `db_maxconn_gevent`. */
  readonly geventConnections: boolean
  /** odoo.conf knows `limit_memory_soft_gevent` and `limit_memory_hard_gevent`. */
  readonly geventMemory: boolean
  /** Line of odoo.conf that keeps demo data, which ships known logins, out of new databases. */
  readonly withoutDemo: readonly [key: string, value: string]
  /** 19 moved `/xmlrpc` and `/jsonrpc` into the module `rpc`; without it there API clients meet a 404. */
  readonly serverWideModules: string
  /** What differs in the tables of scheduled jobs: up to 17 a job counts down its calls, from 15 on others may trigger it. */
  readonly crons: { readonly numbercall: boolean; readonly triggers: boolean }
}

const upTo18 = { withoutDemo: ['without_demo', 'all'], serverWideModules: 'base,web' } as const
const debian = { uid: 101, gid: 101 } as const
/** Ubuntu noble gave uid 100 to `odoo` (odoo/odoo#183106). */
const noble = { uid: 100, gid: 101 } as const
const health = '/web/health'

export const series: Readonly<Record<OdooVersion, Series>> = {
  14: {
    ...upTo18,
    ...debian,
    geventPortKey: 'longpolling_port',
    // Not seen in the sources of 14.
    healthPath: undefined,
    geventConnections: false,
    geventMemory: false,
    crons: { numbercall: true, triggers: false },
  },
  15: {
    ...upTo18,
    ...debian,
    geventPortKey: 'longpolling_port',
    healthPath: health,
    geventConnections: false,
    geventMemory: false,
    crons: { numbercall: true, triggers: true },
  },
  16: {
    ...upTo18,
    ...debian,
    geventPortKey: 'gevent_port',
    healthPath: health,
    geventConnections: false,
    geventMemory: false,
    crons: { numbercall: true, triggers: true },
  },
  17: {
    ...upTo18,
    ...debian,
    geventPortKey: 'gevent_port',
    healthPath: health,
    geventConnections: true,
    geventMemory: false,
    crons: { numbercall: true, triggers: true },
  },
  18: {
    ...upTo18,
    ...noble,
    geventPortKey: 'gevent_port',
    healthPath: health,
    geventConnections: true,
    geventMemory: true,
    crons: { numbercall: false, triggers: true },
  },
  19: {
    ...noble,
    geventPortKey: 'gevent_port',
    healthPath: health,
    geventConnections: true,
    geventMemory: true,
    withoutDemo: ['with_demo', 'False'],
    serverWideModules: 'base,rpc,web',
    crons: { numbercall: false, triggers: true },
  },
}
