// Places for what an open tab of a sleeping instance keeps open with us: WebSockets and, before Odoo 16, long polls.
import { networkOf } from '../budget.ts'
import { usageOf, type Entry } from '../instance/entry.ts'

export interface PlaceLimits {
  /** PARKED_PER_CLIENT: of one client address, so that one cannot take the places of all. */
  readonly perClient: number
  /** PARKED_PER_INSTANCE */
  readonly perInstance: number
  /** PARKED_TOTAL */
  readonly total: number
}

export const placeDefaults: PlaceLimits = { perClient: 100, perInstance: 500, total: 10_000 }

export type ParkBudget = 'parked per client' | 'parked per instance' | 'parked in all'

export interface Places {
  readonly taken: number
  /** The function gives the place back, once however often it is called. Undefined when there is none. */
  take(entry: Entry, client: string | undefined): (() => void) | undefined
}

export function createPlaces(limits: PlaceLimits, onFull: (budget: ParkBudget) => void): Places {
  const byClient = new Map<string, number>()
  let taken = 0

  function full(entry: Entry, network: string | undefined): ParkBudget | undefined {
    if (taken >= limits.total) return 'parked in all'
    if ((entry.usage?.parked ?? 0) >= limits.perInstance) return 'parked per instance'
    const ofClient = network === undefined ? 0 : (byClient.get(network) ?? 0)
    return ofClient >= limits.perClient ? 'parked per client' : undefined
  }

  function count(entry: Entry, network: string | undefined, by: 1 | -1): void {
    taken += by
    usageOf(entry).parked += by
    if (network === undefined) return
    const left = (byClient.get(network) ?? 0) + by
    if (left > 0) byClient.set(network, left)
    else byClient.delete(network)
  }

  return {
    get taken() {
      return taken
    },
    take(entry, client) {
      const network = client === undefined ? undefined : networkOf(client)
      const budget = full(entry, network)
      if (budget !== undefined) {
        onFull(budget)
        return undefined
      }
      count(entry, network, 1)
      let held = true
      return () => {
        if (held) count(entry, network, -1)
        held = false
      }
    },
  }
}
