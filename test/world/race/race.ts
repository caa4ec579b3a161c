// A race, again and again: an idle instance is told to fall asleep, and a request for it arrives about when it is scaled down. The request
// must be answered, and the instance, in whichever pod, must have got it once.
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'node:http'

/** How far a request may be from the moment of the scale-down to count as a race. */
export const withinMs = 50

export interface Runner {
  readonly name: string
  readonly host: string
  /** Of its Deployment. */
  readonly uid: string
}

export interface Course {
  /** Of the wake replicas; each request goes to one of them. */
  readonly doors: readonly { readonly host: string; readonly port: number }[]
  readonly runners: readonly Runner[]
  /** When it is over; asked before each round. */
  enough(tally: Tally): boolean
  /** How long nobody may have used an instance before it counts as idle. */
  readonly idleMs: number
  /** Asks the sleep function; resolves with what it decided. */
  fallAsleep(runner: Runner): Promise<'slept' | 'declined'>
  /** When the watch last showed 0 replicas of it, on the clock of `performance.now()`. */
  scaledDownAt(name: string): number | undefined
  /** How often a pod of any instance got this request. */
  got(id: string): number
  readonly signal: AbortSignal
  say(text: string): void
}

export interface Tally {
  /** Races of which the instance was scaled down, and of which sleep saw the request in time. */
  slept: number
  declined: number
  /** Requests that left before that moment, and after it. */
  before: number
  after: number
  /** Rounds that were no race: the request was too early or too late. Their requests count as all others. */
  apart: number
  readonly lost: string[]
  readonly doubled: string[]
}

const answerWithinMs = 60_000
/** Rounds that teach how long it takes from the event to the scale-down, on this machine at this moment. */
const remembered = 31
/** Decisions at a time: more of them only make each slower, and then nobody can say when the scale-down will come. */
const abreast = 3
const tellEveryMs = 10_000

export async function race(course: Course): Promise<Tally> {
  const tally: Tally = { slept: 0, declined: 0, before: 0, after: 0, apart: 0, lost: [], doubled: [] }
  const took: number[] = []
  const ids: string[] = []
  const places = createPlaces(abreast)
  let toldAt = performance.now()

  async function run(runner: Runner): Promise<void> {
    while (!course.enough(tally)) {
      // Both replicas have to see that nobody was here for as long.
      await sleep(course.idleMs * (1.1 + Math.random()), undefined, { signal: course.signal })
      await places.take()
      await round(runner)
      tell()
    }
  }

  function tell(): void {
    if (performance.now() - toldAt < tellEveryMs) return
    toldAt = performance.now()
    const { slept, declined, apart, lost } = tally
    const pace = `${median(took).toFixed(0)} ms to the scale-down`
    course.say(
      `${slept + declined} races: ${slept} slept, ${declined} declined; ${apart} apart, ${lost.length} lost; ${pace}`,
    )
  }

  async function round(runner: Runner): Promise<void> {
    const id = `${runner.name}-${ids.length}`
    ids.push(id)
    const { signal } = course
    const begun = performance.now()
    let over = false
    const decided = course
      .fallAsleep(runner)
      .then((how) => ({ how, at: momentOf(how, runner, begun) }))
      .finally(() => (over = true))
    // Told below; until then nobody listens.
    decided.catch(() => undefined)
    const isDown = (): boolean => over || (course.scaledDownAt(runner.name) ?? 0) >= begun
    if (Math.random() < 0.5) {
      await sleep(Math.max(0, median(took) - Math.random() * withinMs), undefined, { signal })
    } else {
      while (!isDown()) await sleep(1, undefined, { signal })
      await sleep(Math.random() * withinMs, undefined, { signal })
    }
    const sentAt = performance.now()
    const answered = ask(course, runner, id).then(
      () => undefined,
      (error: unknown) => String(error),
    )
    const { how, at } = await decided
    places.release()
    if (how === 'slept') took.push(at - begun)
    if (took.length > remembered) took.shift()
    count(how, sentAt - at)
    const fault = await answered
    if (fault !== undefined) tally.lost.push(`${id}: ${fault}; sent ${(sentAt - at).toFixed(1)} ms after it ${how}`)
  }

  function momentOf(how: 'slept' | 'declined', { name }: Runner, begun: number): number {
    const seen = how === 'slept' ? course.scaledDownAt(name) : undefined
    return seen === undefined || seen < begun ? performance.now() : seen
  }

  function count(how: 'slept' | 'declined', lateBy: number): void {
    if (Math.abs(lateBy) > withinMs) {
      tally.apart += 1
      return
    }
    tally[how] += 1
    tally[lateBy < 0 ? 'before' : 'after'] += 1
  }

  await Promise.all(course.runners.map(run))
  for (const id of ids) {
    const times = course.got(id)
    if (times === 0 && !tally.lost.some((lost) => lost.startsWith(`${id}:`))) tally.lost.push(`${id}: never reached it`)
    if (times > 1) tally.doubled.push(`${id}: ${times} times`)
  }
  return tally
}

/** Every second one with a body: what was sent of it must not be sent twice. */
function ask({ doors, signal }: Course, { host }: Runner, id: string): Promise<void> {
  const door = doors[Math.floor(Math.random() * doors.length)]
  const isPost = Math.random() < 0.5
  const headers = {
    host,
    accept: '*/*',
    'sec-fetch-mode': 'cors',
    ...(isPost && { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const asked = request({
      ...door,
      path: `/race/${id}`,
      method: isPost ? 'POST' : 'GET',
      agent: false,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    })
    asked.on('error', reject)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200 && text === id) resolve()
        else reject(new Error(`answered ${response.statusCode} ${text.slice(0, 100)}`))
      })
    })
    asked.end(isPost ? `{"id":"${id}"}` : undefined)
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 30
}

function createPlaces(most: number): { take(): Promise<void>; release(): void } {
  const waiting: (() => void)[] = []
  let taken = 0
  return {
    async take() {
      if (taken < most) taken += 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
    },
    release() {
      const next = waiting.shift()
      if (next === undefined) taken -= 1
      else next()
    },
  }
}
