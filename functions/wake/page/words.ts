// What the pages say, in each language. The sentences promise nothing that the machine does not do.

/** Why it does not start (the codes of world.ts), what happened and what the reader can do. */
export type Cause =
  | 'unschedulable'
  | 'volume'
  | 'quota'
  | 'refused'
  | 'image-pull'
  | 'crash-loop'
  | 'out-of-memory'
  | 'configuration'
  | 'database'
  | 'timeout'
  | 'api-server'

export interface Saying {
  readonly what: string
  readonly advice: string
}

/** In the order of the page; the keys are phases of a wake. */
export interface Steps {
  readonly scheduled: string
  readonly pulling: string
  readonly starting: string
  readonly database: string
  readonly ready: string
}

export interface Words {
  readonly language: string
  readonly direction: 'ltr' | 'rtl'
  readonly waking: string
  readonly lead: string
  /** `{n}` stands for seconds. */
  readonly usual: string
  readonly slow: string
  readonly stopping: string
  readonly noscript: string
  readonly steps: Steps
  readonly failed: string
  readonly again: string
  /** `{n}` stands for a time with its unit: until then a failed wake rests. */
  readonly next: string
  readonly tell: string
  readonly causes: Readonly<Record<Cause, Saying>>
  readonly suspended: Saying
  readonly disabled: Saying
  /** Its network has used up its wakes. */
  readonly limited: Saying
  readonly starting: Saying
}
