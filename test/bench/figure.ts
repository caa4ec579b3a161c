/** One number worth comparing. `--json` prints name, value, unit, reference and ratio. */
export interface Figure {
  /** `{bench}.{what}`, stable: others compare it over time. */
  readonly name: string
  readonly value: number
  /** `µs`, `ms`, `MB`, `/s`, `ratio`, `count`. */
  readonly unit: string
  /** What it is held against, in words, with its own number. */
  readonly reference?: string
  /** Value by reference, where both are the same kind of number. */
  readonly ratio?: number
  /** What was promised. */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number }
}

/** What a bench may use. Everything it starts is stopped when it ends. */
export interface Kit {
  readonly signal: AbortSignal
  /** The number behind `--name` on the command line. */
  option(name: string): number | undefined
  /** A folder of its own, removed afterwards. */
  readonly dir: string
  /** Tells people what is going on. */
  say(text: string): void
  /** `node file ...args`; waits for its first line, which is JSON. */
  node(file: URL, ...args: readonly (string | number)[]): Promise<Started>
  /** Any program; waits until something answers on `port`, where one is given, of `host` (127.0.0.1). */
  program(command: string, args: readonly string[], port?: number, host?: string): Promise<Started>
  /** Path of a program on PATH. */
  find(command: string): string | undefined
  freePort(): Promise<number>
}

export interface Started {
  readonly pid: number
  /** The parsed first line of a `node` program. */
  readonly said: unknown
  /** CPU seconds it and its children have used. */
  cpu(): number
  /** Resident memory of it and its children, in bytes. */
  memory(): number
  /** The rest of its output, once it has ended by itself. */
  ended(): Promise<string>
  stop(): Promise<void>
}

/** The middle one; of an even number the mean of both. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2
}
