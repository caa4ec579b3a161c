// Carries out what a change of a room asks for: the PATCH, the probe, the timers, letting people in, telling others.
import { beginSpan } from '#shared/server/telemetry.ts'
import { within } from '#shared/server/within.ts'
import type { Deps } from '../effects.ts'
import { scaleUp, tellFailed, tellWoken } from '../effects.ts'
import { note, type Entry } from './entry.ts'
import { letIn } from '../hold.ts'
import type { Command, Limits, Room, Step } from './life.ts'
import type { Metrics } from '../metrics.ts'
import { createPodEvents } from './pod-events.ts'
import { probe, probeDefaults, type Probe } from './probe.ts'
import * as room from './room.ts'
import { stateOf } from './state.ts'
import { askVersionInfo } from './version-info.ts'
import { createWakeSpans } from '../wake-span.ts'
import type { Told } from './world.ts'

export interface Keeper {
  /** Applies a transition and does what it asks for. */
  readonly change: (entry: Entry, step: (before: Room, now: number) => Step) => void
  /** Ends timers and probes of an instance that is no more. */
  readonly forget: (entry: Entry) => void
  /** What is being told is told to its end, within a limit. Then nothing happens any more. */
  close(): Promise<void>
}

export interface KeeperDeps extends Deps {
  readonly limits: Limits
  readonly metrics: Metrics
  /** Closes idle connections to an address that is gone. */
  readonly release: (ip: string) => void
  /** The door of this instance is open: its parked tabs may go to it. */
  readonly onAwake: (entry: Entry) => void
  /** Why the pod of an instance is stuck, when only its Events say so. */
  readonly onPodTrouble: (entry: Entry, told: Told) => void
  /** Ends all work of this replica. */
  readonly signal: AbortSignal
  readonly probe?: Partial<Pick<Probe, 'port' | 'path' | 'everyMs' | 'tryMs'>>
}

/** A broker that hangs must not keep a replica from leaving. */
const lastWordsMs = 3_000
const versionTries = 4
const versionAgainMs = 5_000

export function createKeeper(deps: KeeperDeps): Keeper {
  const { limits, metrics, log, signal } = deps
  const timers = new Set<NodeJS.Timeout>()
  const telling = new Set<Promise<void>>()
  const learning = new WeakSet<Entry>()
  const spans = createWakeSpans()
  const podEvents = createPodEvents({
    kubernetes: deps.kubernetes,
    log,
    signal,
    onTrouble: (entry, pod, trouble) => deps.onPodTrouble(entry, { pod, trouble }),
  })
  const probePort = deps.probe?.port ?? probeDefaults.port

  function change(entry: Entry, step: (before: Room, now: number) => Step): void {
    const before = entry.room
    const after = step(before, deps.now())
    // Most of the time: a second visitor of an instance that is on its way.
    if (after.room === before && after.commands.length === 0) return
    entry.room = after.room
    remember(entry)
    spans.within(entry, () => after.commands.forEach((command) => carryOut(entry, command)))
    setTimer(entry)
    podEvents.look(entry)
  }

  function remember(entry: Entry): void {
    const { state, why } = stateOf(entry, deps.now())
    note(entry, { at: new Date().toISOString(), state, why })
  }

  function carryOut(entry: Entry, command: Command): void {
    switch (command.do) {
      case 'scale':
        return void scale(entry)
      case 'probe':
        return startProbe(entry, command.pod, command.ip)
      case 'stop probing':
        return stopProbe(entry)
      case 'let in':
        // Whoever woke it, this replica has served it: it is here that its tabs will ask.
        if ((entry.waiting?.size ?? 0) > 0) void learnVersion(entry)
        letIn(entry.waiting)
        letIn(entry.watching)
        if (entry.room.life.is === 'awake') deps.onAwake(entry)
        return undefined
      case 'show progress':
        return letIn(entry.watching)
      case 'release':
        return deps.release(command.ip)
      case 'tell woken':
        metrics.woken(command.waking, command.at)
        log.info(
          { instance: entry.facts.name, trigger: command.waking.wish?.trigger, ms: command.at - command.waking.since },
          'woken',
        )
        void learnVersion(entry)
        return tell(tellWoken(entry.facts, command, deps, signal))
      case 'tell failed':
        if (command.wish === null) return undefined
        metrics.failed(command.wish.trigger, command.trouble.code)
        log.warn(
          { instance: entry.facts.name, reason: command.trouble.code, detail: command.trouble.detail },
          'wake failed',
        )
        return tell(tellFailed(entry.facts, command.wish, command.trouble, deps, signal))
    }
  }

  /** Deals with its own faults. */
  function tell(told: Promise<void>): void {
    telling.add(told)
    void told.finally(() => telling.delete(told))
  }

  async function scale(entry: Entry): Promise<void> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(limits.wakeTimeoutMs)])
    metrics.scaleAsked()
    const isWanted = (): boolean => entry.room.life.is === 'waking' && entry.room.life.scale === 'asked'
    const trouble = await scaleUp(entry.facts, deps, limited, isWanted)
    if (signal.aborted) return
    if (trouble === null) change(entry, room.scaled)
    else change(entry, (before, now) => room.notScaled(before, trouble, now))
  }

  function startProbe(entry: Entry, pod: string, ip: string): void {
    if (entry.probing?.pod === pod) return
    stopProbe(entry)
    const stop = new AbortController()
    entry.probing = { pod, stop }
    const host = entry.facts.hosts[0] ?? ip
    const onListening = (): void => change(entry, (before, now) => room.listening(before, pod, now))
    const span = beginSpan('wake: probe', { 'platxa.instance': entry.facts.name })
    const { traceparent } = span
    const what = { ...probeDefaults, ...deps.probe, ip, host, traceparent, onListening }
    probe(what, AbortSignal.any([signal, stop.signal]))
      .finally(() => span.end())
      .then(
        () => change(entry, (before, now) => room.answers(before, pod, now)),
        () => undefined,
      )
  }

  /** Right after a wake is when an instance has most to do, so it is asked again some times. */
  async function learnVersion(entry: Entry, tries = versionTries): Promise<void> {
    const { life } = entry.room
    if (entry.versionInfo !== null || life.is !== 'awake' || learning.has(entry)) return
    learning.add(entry)
    const host = entry.facts.hosts[0] ?? life.ip
    entry.versionInfo = (await askVersionInfo({ ip: life.ip, port: probePort, host }, signal)) ?? null
    learning.delete(entry)
    if (entry.versionInfo !== null || tries === 1 || signal.aborted) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (entry.room.life === life) void learnVersion(entry, tries - 1)
    }, versionAgainMs)
    timers.add(timer)
  }

  function stopProbe(entry: Entry): void {
    entry.probing?.stop.abort()
    entry.probing = null
  }

  function setTimer(entry: Entry): void {
    if (entry.timer !== null) {
      clearTimeout(entry.timer)
      timers.delete(entry.timer)
      entry.timer = null
    }
    const at = room.nextTick(entry.room, limits)
    if (at === null || signal.aborted) return
    const ring = (): void => {
      change(entry, (before, now) => room.tick(before, now, limits))
      // Timers and the clock may differ by a millisecond: then nothing has run out yet.
      setTimer(entry)
    }
    entry.timer = setTimeout(ring, Math.max(1, at - deps.now()))
    timers.add(entry.timer)
  }

  function forget(entry: Entry): void {
    stopProbe(entry)
    spans.forget(entry)
    podEvents.forget(entry)
    if (entry.timer !== null) clearTimeout(entry.timer)
  }

  return {
    change,
    forget,
    async close() {
      for (const timer of timers) clearTimeout(timer)
      const all = Promise.all(telling).then(() => undefined)
      await within(lastWordsMs, all, 'telling of the last wakes').catch((error: unknown) =>
        log.warn({ error }, 'somebody is not told of a wake'),
      )
    },
  }
}
