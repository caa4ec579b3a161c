// How many wakes somebody may cause. Being held, shown the page or forwarded costs nothing; only the change from asleep to
// waking does. What looks like a person has a purse of its own and is not counted per instance, so that no bot, whatever it
// spends, can stand between a person and an instance.
import type { IncomingHttpHeaders } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Kind } from './classes/classify.ts'

/** Per hour and replica, saved up to one hour's worth; 0 is no limit. */
export interface BudgetLimits {
  /** WAKES_PER_CLIENT: of one client address, once for people and once for everything else. */
  readonly wakesPerClient: number
  /** WAKES_PER_INSTANCE: of one instance, by whatever does not look like a person. */
  readonly wakesPerInstance: number
}

export type Who = 'person' | 'other'
export type WakeBudget = 'wakes per client' | 'wakes per instance'

export interface Spent {
  readonly budget: WakeBudget
  /** Until the next wake is saved up; whole seconds. */
  readonly retryAfter: number
}

export interface Budgets {
  /** Takes one wake out of every purse that it concerns, or out of none and says which one is empty. */
  spend(instance: object, client: string | undefined, who: Who, now: number): Spent | undefined
}

interface Purse {
  left: number
  at: number
}

export const unlimited: BudgetLimits = { wakesPerClient: 0, wakesPerInstance: 0 }

const hourMs = 3_600_000
/** Of some hundred bytes each. The client that has been away longest is forgotten first. */
const clientsKept = 20_000

export function createBudgets({ wakesPerClient, wakesPerInstance }: BudgetLimits): Budgets {
  const clients = new Map<string, Purse>()
  const instances = new WeakMap<object, Purse>()

  function ofClient(client: string, who: Who, now: number): Purse {
    const key = `${who} ${networkOf(client)}`
    const purse = filled(clients.get(key), wakesPerClient, now)
    clients.delete(key)
    clients.set(key, purse)
    const [oldest] = clients.keys()
    if (clients.size > clientsKept && oldest !== undefined) clients.delete(oldest)
    return purse
  }

  function ofInstance(instance: object, now: number): Purse {
    const purse = filled(instances.get(instance), wakesPerInstance, now)
    instances.set(instance, purse)
    return purse
  }

  return {
    spend(instance, client, who, now) {
      const mine = wakesPerClient > 0 && client !== undefined ? ofClient(client, who, now) : undefined
      if (mine && isEmpty(mine)) return spent('wakes per client', mine, wakesPerClient)
      const its = wakesPerInstance > 0 && who === 'other' ? ofInstance(instance, now) : undefined
      if (its && isEmpty(its)) return spent('wakes per instance', its, wakesPerInstance)
      if (mine) mine.left -= 1
      if (its) its.left -= 1
      return undefined
    },
  }
}

function filled(purse: Purse | undefined, perHour: number, now: number): Purse {
  if (purse === undefined) return { left: perHour, at: now }
  purse.left = Math.min(perHour, purse.left + ((now - purse.at) / hourMs) * perHour)
  purse.at = now
  return purse
}

/** A wake that is missing a billionth is saved up: fractions of an hour do not add up exactly. */
function isEmpty({ left }: Purse): boolean {
  return left < 1 - 1e-9
}

function spent(budget: WakeBudget, { left }: Purse, perHour: number): Spent {
  return { budget, retryAfter: Math.max(1, Math.round(((1 - left) / perHour) * (hourMs / 1000))) }
}

/** One subscriber of IPv6 has 2^64 addresses. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [left = '', right] = address.toLowerCase().split('::')
  const groups = left === '' ? [] : left.split(':')
  const missing = right === undefined ? 0 : 8 - groups.length - (right === '' ? 0 : right.split(':').length)
  const whole = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(right ? right.split(':') : [])]
  return `${whole
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/**
 * Signs of a person at a browser: a page is opened, the browser says what kind of request it is, somebody has signed in.
 * Anybody can send them; they only decide out of which purse a wake is paid.
 */
export function whoAsks(kind: Kind, headers: IncomingHttpHeaders): Who {
  const isBrowser = kind === 'page load' || headers['sec-fetch-mode'] !== undefined
  return isBrowser || headers.cookie?.includes('session_id=') === true ? 'person' : 'other'
}
