// The span of a wake, from the wish to the open door: the PATCH, the probe and what is told of it hang below it, and its
// phases are events in it. A second visitor joins a wake that is under way; it stays in the trace of the first.
import { beginSpan, isTracing, type OpenSpan } from '#shared/server/telemetry.ts'
import type { Entry } from './instance/entry.ts'
import type { Life, Room } from './instance/life.ts'
import { phases, type Phase } from './instance/world.ts'

export interface WakeSpans {
  /** Runs what a change of the room asks for inside the span of its wake. */
  within(entry: Entry, carryOut: () => void): void
  forget(entry: Entry): void
}

interface Following {
  readonly span: OpenSpan
  readonly told: Set<Phase>
}

export function createWakeSpans(): WakeSpans {
  const following = new Map<Entry, Following>()

  function begin(entry: Entry, life: Life): Following | undefined {
    // Nobody waits here for a wake that is not eager, so it is in nobody's trace.
    if (life.is !== 'waking' || !life.eager) return undefined
    const trigger = life.wish?.trigger ?? 'elsewhere'
    const span = beginSpan('wake', { 'platxa.instance': entry.facts.name, 'platxa.wake.trigger': trigger })
    const begun = { span, told: new Set<Phase>() }
    following.set(entry, begun)
    return begun
  }

  function end(entry: Entry, fault: string | undefined): void {
    following.get(entry)?.span.end(fault)
    following.delete(entry)
  }

  return {
    within(entry, carryOut) {
      if (!isTracing()) return carryOut()
      const { life } = entry.room
      const followed = following.get(entry) ?? begin(entry, life)
      if (followed === undefined) return carryOut()
      if (life.is === 'waking') tell(followed, life.marks)
      followed.span.within(carryOut)
      if (life.is !== 'waking') end(entry, faultOf(entry.room))
    },
    forget: (entry) => end(entry, 'removed'),
  }
}

function tell({ span, told }: Following, marks: Readonly<Partial<Record<Phase, number>>>): void {
  for (const phase of phases) {
    const at = marks[phase]
    if (at === undefined || told.has(phase)) continue
    told.add(phase)
    span.event(phase, at)
  }
}

function faultOf({ life, rest }: Room): string | undefined {
  if (life.is === 'awake') return undefined
  return life.is === 'failed' ? life.trouble.code : (rest?.trouble.code ?? 'asleep again')
}
