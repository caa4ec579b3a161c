// One request at the door of its instance: decide, then forward, hold, show or refuse; after every wait, decide again.
import { noteOnSpan } from '#shared/server/telemetry.ts'
import { answerFor, isQuestion, later, refusal, say } from './answers.ts'
import { whoAsks } from './budget.ts'
import { clientOf, prefixOf } from './classes/classify.ts'
import { answerText } from './connection/answer.ts'
import { decide, flashMs, type Decision } from './decide.ts'
import { usualWakeMs, waitingFor, type Entry } from './instance/entry.ts'
import { portFor, usualMsOf, type Front, type Visit } from './front.ts'
import type { Holder } from './hold.ts'
import type { Life } from './instance/life.ts'
import type { Metrics, Outcome } from './metrics.ts'
import { wakingView } from './page/page.ts'
import type { View } from './page/document.ts'
import * as room from './instance/room.ts'
import { phaseNow, retryAfterSeconds, troubleOf, wakingMs } from './instance/state.ts'
import { began, ended } from './instance/usage.ts'
import { versionInfoOf } from './instance/version-info.ts'

/** A request goes back to waiting when nothing of it was sent; not for ever. */
const mostTries = 12

export async function attend(visit: Visit, front: Front): Promise<Outcome> {
  const entry = front.rooms.at(visit.host)
  const active = visit.requestClass === 'A' && entry !== undefined
  if (active) began(entry)
  try {
    let next: Next = 'look again'
    for (let tries = 0; next === 'look again' && tries < mostTries; tries += 1) next = await look(visit, front)
    const outcome = next === 'look again' ? giveUp(visit) : next
    front.metrics.request(visit.requestClass, outcome)
    return outcome
  } finally {
    if (active) ended(entry, front.now())
  }
}

/** Not every way ends the visit: after a wait it looks again. */
type Next = Outcome | 'look again'

/** No promise where nothing is waited for: this is every request's way. */
function look(visit: Visit, front: Front): Next | Promise<Next> {
  const entry = front.rooms.at(visit.host)
  if (entry === undefined) return gone(visit)
  const asked = { kind: visit.kind, at: visit.at, usualMs: usualWakeMs(entry) }
  const decision = decide(entry.room, asked, front.now())
  if (decision !== 'forward')
    return refuseWake(decision, entry, visit, front) ?? attendHere(decision, entry, visit, front)
  const { life } = entry.room
  return life.is === 'awake' ? forward(entry, life, visit, front) : 'look again'
}

function giveUp({ request, response }: Visit): Outcome {
  say(response, refusal(request, 502, 'The instance could not be reached.', 2))
  return 'broken'
}

async function forward(entry: Entry, life: Life & { is: 'awake' }, visit: Visit, front: Front): Promise<Next> {
  const target = { host: life.ip, port: portFor(entry, visit.target, front.settings) }
  if (visit.kind === 'long poll') await front.polls.listen(entry, visit.request, visit.response)
  const how = await front.forwarder.forward(visit.request, visit.response, target)
  switch (how.outcome) {
    case 'answered':
      return 'forwarded'
    case 'client gone':
      return how.outcome
    case 'broken':
      return front.polls.hasEnded(visit.response) ? 'answered for' : how.outcome
    case 'unsent':
      if (how.error.fault === 'queue full' || how.error.fault === 'closing') {
        say(visit.response, refusal(visit.request, how.error.status, 'The instance is too busy.', 1))
        return 'full'
      }
      front.keeper.change(entry, (before, now) => room.unreachable(before, target.host, now))
      return 'look again'
  }
}

function attendHere(
  decision: Exclude<Decision, 'forward'>,
  entry: Entry,
  visit: Visit,
  front: Front,
): Next | Promise<Next> {
  switch (decision) {
    case 'hold':
      front.keeper.change(entry, room.hurry)
      return hold(entry, visit, front, remaining(visit, front))
    case 'hold and wake':
      demand(entry, visit, front)
      return hold(entry, visit, front, remaining(visit, front))
    case 'hold briefly and wake':
      demand(entry, visit, front)
      return hold(entry, visit, front, visit.at + flashMs - front.now())
    case 'show the page and wake':
      demand(entry, visit, front)
      return showPage(entry, visit, front)
    case 'show the page':
      return showPage(entry, visit, front)
    case 'answer for it':
      return answerQuestion(entry, visit, front)
    case 'park':
      return keepWaiting(entry, visit, front)
    case 'not now':
      say(visit.response, later(sleeperOf(entry, front).retryAfter, 'asleep'))
      return 'not now'
    case 'tell the failure':
      return tellFailure(entry, visit, front)
    case 'suspended':
    case 'disabled':
      return closed(decision, visit, front)
  }
}

async function answerQuestion(entry: Entry, { kind, request, response }: Visit, front: Front): Promise<Outcome> {
  if (isQuestion(kind)) await answerFor(kind, request, response, sleeperOf(entry, front))
  return 'answered for'
}

async function keepWaiting(entry: Entry, { request, response }: Visit, front: Front): Promise<Outcome> {
  const outcome = await front.polls.hold(entry, request, response)
  if (outcome === 'full') say(response, refusal(request, 503, 'Too many tabs are open.', 60))
  return outcome
}

const waking: ReadonlySet<Decision> = new Set(['hold and wake', 'hold briefly and wake', 'show the page and wake'])

/** Whoever has used up a budget wakes nobody; where somebody else has, the same request is served like any other. */
function refuseWake(decision: Decision, entry: Entry, visit: Visit, front: Front): Outcome | undefined {
  if (!waking.has(decision) || entry.room.life.is !== 'asleep') return undefined
  const { kind, request, response } = visit
  const who = whoAsks(kind, request.headers)
  const spent = front.budgets.spend(entry, front.clientOf(request), who, front.now())
  if (spent === undefined) return undefined
  front.metrics.overBudget(spent.budget, who)
  const { retryAfter } = spent
  if (kind === 'page load') sendPage(visit, { show: 'limited' }, front, 0, retryAfter)
  else say(response, refusal(request, 429, `Too many wakes: ${spent.budget}, see Retry-After.`, retryAfter))
  return 'over budget'
}

function demand(entry: Entry, visit: Visit, { keeper }: Front): void {
  const { life } = entry.room
  // Nearly everybody who meets a sleeper is not the first.
  if (life.is === 'waking' && life.eager) return
  const path = prefixOf(visit.target)
  const what = visit.kind === 'page load' ? 'somebody opened' : 'a call of'
  const client = clientOf(visit.kind, visit.request.headers)
  const wish = { trigger: 'http' as const, why: `${what} ${path}`, path, client }
  keeper.change(entry, (before, now) => room.demand(before, wish, now))
}

function remaining(visit: Visit, { settings, now }: Front): number {
  return visit.at + settings.holdTimeoutMs - now()
}

async function hold(entry: Entry, visit: Visit, front: Front, limitMs: number): Promise<Next> {
  // What the wish led to may already be there, or be impossible.
  if (!isWaiting(entry, front)) return 'look again'
  const from = front.now()
  const waiting = waitingFor(entry)
  const client = visit.response
  const end = await front.holds.hold({ waiting, client, limitMs, who: holderOf(visit) })
  front.metrics.held(front.now() - from, end)
  noteOnSpan(`held: ${end}`)
  switch (end) {
    case 'let in':
      noteAdded(entry, front.metrics, front.now())
      return 'look again'
    case 'client gone':
      return end
    case 'full':
      if (visit.kind === 'page load') return showPage(entry, visit, front)
      say(visit.response, refusal(visit.request, 503, 'Too many requests wait for this instance.', 5))
      return end
    case 'too long':
      if (remaining(visit, front) > 0) return 'look again'
      say(visit.response, refusal(visit.request, 504, 'The instance did not wake up in time.', 5))
      return end
  }
}

function holderOf({ requestClass, kind, request }: Visit): Holder {
  return requestClass === 'A' ? whoAsks(kind, request.headers) : 'nobody'
}

/** Whether there is anything that will let a waiting request in. */
function isWaiting({ room: { life, fence } }: Entry, { now }: Front): boolean {
  return life.is === 'waking' || (life.is === 'awake' && fence !== null && now() < fence.until)
}

function noteAdded({ room: { life } }: Entry, metrics: Metrics, now: number): void {
  if (life.is === 'awake') metrics.addedAfterReady(now - life.since)
}

function showPage(entry: Entry, visit: Visit, front: Front): Outcome {
  const now = front.now()
  const { life } = entry.room
  const usualMs = usualMsOf(usualWakeMs(entry))
  const elapsedMs = wakingMs(entry.room, now)
  const trouble = troubleOf(entry.room, now)
  const view =
    trouble !== null && life.is !== 'waking'
      ? { show: 'failed' as const, cause: trouble.code }
      : wakingView({ phase: phaseNow(entry.room), trouble, usualMs, elapsedMs })
  sendPage(visit, view, front, elapsedMs, retryAfterSeconds(entry.room, usualMs, now))
  return trouble === null ? 'page' : 'failed wake'
}

function sendPage(visit: Visit, view: View, front: Front, elapsedMs: number, retryAfterSeconds: number): void {
  const { request, response, host } = visit
  if (response.destroyed) return
  const acceptLanguage = request.headers['accept-language']
  const page = front.pages.of({ view, host, acceptLanguage, elapsedMs, retryAfterSeconds })
  // A 5xx needs no Date (RFC 9110 §6.6.1), so nothing is left for Node to add.
  if (page.status >= 500 && answerText(request, response, page.status, page.head + page.body)) return
  response.writeHead(page.status, [...page.headers])
  response.end(page.body, 'latin1')
}

function tellFailure(entry: Entry, { request, response }: Visit, front: Front): Outcome {
  const now = front.now()
  const code = troubleOf(entry.room, now)?.code ?? 'timeout'
  const after = retryAfterSeconds(entry.room, usualMsOf(usualWakeMs(entry)), now)
  say(response, refusal(request, 503, `The instance does not start at the moment: ${code}.`, after))
  return 'failed wake'
}

function closed(status: 'suspended' | 'disabled', visit: Visit, front: Front): Outcome {
  if (visit.kind === 'page load') sendPage(visit, { show: status }, front, 0, 0)
  else if (status === 'suspended') say(visit.response, refusal(visit.request, 402, 'This site is suspended.'))
  else say(visit.response, refusal(visit.request, 404, 'This site is not available.'))
  return status
}

/** The instance was removed while the request waited for it. */
function gone({ response, request }: Visit): Outcome {
  say(response, refusal(request, 404, 'No such site.'))
  return 'unknown host'
}

function sleeperOf(entry: Entry, { now }: Front): Parameters<typeof answerFor>[3] {
  return {
    failed: troubleOf(entry.room, now()) !== null,
    versionInfo: entry.versionInfo ?? versionInfoOf(entry.facts.odooVersion),
    retryAfter: Math.max(5, retryAfterSeconds(entry.room, usualMsOf(usualWakeMs(entry)), now())),
  }
}
