// What a person sees while the world comes up. A terminal has one living line per step, a file gets a line when a step
// begins to take long and one when it is done.

export interface Progress {
  /** Runs one named step. What takes less than a moment leaves no trace. */
  step<T>(name: string, work: (tell: (detail: string) => void) => Promise<T>): Promise<T>
  /** A line that stays. */
  line(text: string): void
}

const LONG_MS = 1500
const FILE_EVERY_MS = 15_000

export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export function createProgress(screen: Screen): Progress {
  const terminal = screen.isTTY === true
  const live = new Map<string, string>()
  let shown = ''

  const erase = (): void => {
    if (shown !== '') screen.write('\r\u001B[K')
    shown = ''
  }
  const draw = (): void => {
    if (!terminal) return
    const text = [...live.values()].join(' · ').slice(0, (screen.columns ?? 80) - 1)
    if (text === shown) return
    erase()
    screen.write(text)
    shown = text
  }
  const line = (text: string): void => {
    erase()
    screen.write(`${text}\n`)
    draw()
  }

  async function step<T>(name: string, work: (tell: (detail: string) => void) => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    let detail = ''
    const passed = (): number => performance.now() - startedAt
    const text = (): string => [name, detail, seconds(passed())].filter(Boolean).join(': ')
    const show = (): void => {
      live.set(name, `${text()} …`)
      if (terminal) draw()
      else line(`${text()} …`)
    }
    const timer = setInterval(show, terminal ? 250 : FILE_EVERY_MS)
    const first = setTimeout(show, LONG_MS)
    try {
      const result = await work((next) => {
        detail = next
        if (terminal && passed() > LONG_MS) show()
      })
      if (passed() > LONG_MS) {
        live.delete(name)
        line(`${name}: ${seconds(passed())}`)
      }
      return result
    } finally {
      clearInterval(timer)
      clearTimeout(first)
      live.delete(name)
      draw()
    }
  }
  return { step, line }
}

function seconds(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(0)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}
