// What an open tab says of its human, now and then (odoo-lab.md, "An open tab, alone"). Pure.
import { z } from 'zod'

const presence = z.object({
  event_name: z.literal('update_presence'),
  data: z.object({ inactivity_period: z.number().min(0) }),
})

/** `{"event_name":"update_presence","data":{"inactivity_period":5661,…}}`, in milliseconds. */
export function inactivityOf(frame: string): number | undefined {
  if (frame.length > 4096 || !frame.includes('update_presence')) return undefined
  try {
    return presence.safeParse(JSON.parse(frame)).data?.data.inactivity_period
  } catch {
    return undefined
  }
}
