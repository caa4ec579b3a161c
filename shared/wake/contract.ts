// What the wake replicas say on their control port and what they are asked there (design.md §5, §6). Each replica
// answers for what it saw itself; times are ages in milliseconds, so that no two clocks are ever compared.
import { z } from 'zod'

const age = z.number().min(0)
const count = z.int().min(0)

/** `null` stands for "never since this replica started". */
export const observation = z.object({
  idleMs: age.nullable(),
  inFlight: count,
  humanIdleMs: age.nullable(),
  /** Since it lets requests in, as this replica saw it; null while it does not. */
  awakeMs: age.nullable().default(null),
})
/** What one replica saw of one instance. */
export type Observation = z.output<typeof observation>

export const activity = z.object({
  replica: z.string(),
  upForMs: age,
  instances: z.record(
    z.string(),
    observation.extend({
      sockets: count,
      parked: count,
      state: z.string(),
      why: z.string().optional(),
      fenced: z.boolean(),
    }),
  ),
})
/** What one replica saw of all instances it knows anything of. */
export type Activity = z.output<typeof activity>

export const fenceRequest = z.object({ ttlMs: z.int().min(100).max(60_000) })
export const fenceReport = observation.extend({ fence: z.string().min(1), upForMs: age })
/** The answer to a fence: from that moment on the replica holds every new request for the instance. */
export type FenceReport = z.output<typeof fenceReport>

/** The answer to "is somebody there?": so many open tabs were told to come again, and tell of their human when they do. */
export const tabsAsked = z.object({ asked: count })
export type TabsAsked = z.output<typeof tabsAsked>
