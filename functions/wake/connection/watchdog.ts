/** Something that must not stay silent for longer than its limit. */
export interface Watched {
  /** The tick of its last sign of life. */
  alive: number
  /** In ticks. */
  patience: number
  onSilence(): void
}

const SHORTEST_MS = 5
const LONGEST_MS = 500

/**
 * One timer for every connection. A timer per request would cost more than the request's parsing; counting ticks makes a
 * sign of life one assignment. Limits run out up to one tick late and never early.
 */
export class Watchdog {
  tick = 0
  private readonly everyMs: number
  private readonly watched = new Set<Watched>()
  private timer: NodeJS.Timeout | undefined

  /** `shortestMs`: the shortest limit that it has to keep. */
  constructor(shortestMs: number) {
    this.everyMs = Math.max(SHORTEST_MS, Math.min(LONGEST_MS, shortestMs / 10))
  }

  ticks(ms: number): number {
    return Math.ceil(ms / this.everyMs)
  }

  add(watched: Watched): void {
    this.watched.add(watched)
    this.timer ??= setInterval(() => this.look(), this.everyMs).unref()
  }

  delete(watched: Watched): void {
    this.watched.delete(watched)
    if (this.watched.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  private look(): void {
    this.tick += 1
    for (const watched of this.watched) {
      if (this.tick - watched.alive > watched.patience) watched.onSilence()
    }
  }
}
