// The states of one instance on one wake replica, and what a change may ask for. Types only.
import type { Trigger } from '#shared/events/catalogue.ts'
import type { ClientKind } from '#shared/instance/why.ts'
import type { Marks, Trouble, World } from './world.ts'

/** Who asked this replica for the wake, in words a person can read later. */
export interface Wish {
  readonly trigger: Trigger
  readonly why: string
  /** Of the request: the first names of its path, never its query. */
  readonly path?: string
  readonly client?: ClientKind
}

/** `waking` is any time between "somebody wants it" and "a request can be forwarded", whoever asked for it. */
export type Life =
  | { readonly is: 'asleep' }
  | Waking
  | { readonly is: 'awake'; readonly pod: string; readonly ip: string; readonly since: number }
  | { readonly is: 'failed'; readonly pod: string | null; readonly trouble: Trouble; readonly since: number }

export interface Waking {
  readonly is: 'waking'
  readonly since: number
  /** Null when it was not this replica that asked: another one did, or a person with kubectl. */
  readonly wish: Wish | null
  /** Somebody waits here, so this replica probes the pod itself; otherwise the kubelet's word is soon enough. */
  readonly eager: boolean
  /** What became of the one PATCH of a wake. `seen`: the watch shows the replica, whoever asked for it. */
  readonly scale: 'after the old pod' | 'asked' | 'done' | 'seen'
  /** After a refused connection the kubelet's word is old news: only our own probe opens the door again. */
  readonly trust: 'kubelet' | 'probe'
  readonly marks: Marks
  /** Since when the trouble that the world shows is there. */
  readonly troubledAt: number | null
}

/** After a failed wake nobody but a person with the button wakes the instance before `until`. */
export interface Rest {
  readonly failures: number
  readonly until: number
  readonly trouble: Trouble
}

/** For a moment nothing is forwarded, so that sleep can look and then act (fence.ts). */
export interface Fence {
  readonly id: string
  readonly until: number
}

export interface Room {
  readonly world: World
  readonly life: Life
  readonly fence: Fence | null
  readonly rest: Rest | null
}

export type Command =
  | { readonly do: 'scale' }
  | { readonly do: 'probe'; readonly pod: string; readonly ip: string }
  | { readonly do: 'stop probing' }
  /** Whoever waits looks again: the door is open, or it will not open soon. */
  | { readonly do: 'let in' }
  /** Whoever shows how far it is looks again. */
  | { readonly do: 'show progress' }
  /** The pod is gone or going: its idle connections are of no use. */
  | { readonly do: 'release'; readonly ip: string }
  | { readonly do: 'tell woken'; readonly waking: Waking; readonly pod: string; readonly at: number }
  | { readonly do: 'tell failed'; readonly trouble: Trouble; readonly wish: Wish | null }

export interface Step {
  readonly room: Room
  readonly commands: readonly Command[]
}

export interface Limits {
  /** WAKE_TIMEOUT: a wake that takes longer has failed. */
  readonly wakeTimeoutMs: number
}
