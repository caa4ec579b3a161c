// The WebSockets of open tabs that lead to an instance. Odoo's tabs tell of their human when they connect and then not for
// half an hour; but each tells again when its instance takes it for gone. So who wants to know lets them come again.
import type { Entry } from '../instance/entry.ts'

/** Tells the tab to come again. False when it cannot be told now. */
export type ComeAgain = () => boolean

export interface Tabs {
  /** Returns what takes it out. */
  add(entry: Entry, comeAgain: ComeAgain): () => void
  /** How many were told to come again. */
  ask(entry: Entry): number
}

export function createTabs(): Tabs {
  const byEntry = new Map<Entry, Set<ComeAgain>>()
  return {
    add(entry, comeAgain) {
      const tabs = byEntry.get(entry) ?? new Set()
      byEntry.set(entry, tabs.add(comeAgain))
      return () => {
        tabs.delete(comeAgain)
        if (tabs.size === 0) byEntry.delete(entry)
      }
    },
    ask: (entry) => [...(byEntry.get(entry) ?? [])].filter((comeAgain) => comeAgain()).length,
  }
}
