// `POST /longpolling/poll` of Odoo 14 and 15, what the WebSocket is from 16 on: an open tab asks what is new, waits up to
// 50 s for the answer and asks again. While the instance sleeps it waits with us; "nothing" is the truth then, and the tab
// names the last notification it has, so that the first poll after the wake misses none.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { rpcResult, say } from '../answers.ts'
import type { Entry } from '../instance/entry.ts'
import { presentMs } from './park.ts'
import type { Places } from './places.ts'
import { peekBody, readSmallBody } from './small-body.ts'
import { isLeaving } from '../instance/state.ts'

export interface LongPolls {
  /** Keeps it waiting until the time is over or the instance is awake. */
  hold(
    entry: Entry,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<'answered for' | 'full' | 'client gone'>
  /** Before it is forwarded: hears what it says of its human, and remembers how to end it. */
  listen(entry: Entry, request: IncomingMessage, response: ServerResponse): Promise<void>
  /** The instance went in the middle of it. True: it was falling asleep, and the tab has its answer. */
  end(response: ServerResponse): boolean
  /** Whether `end` has answered it. */
  hasEnded(response: ServerResponse): boolean
  /** The instance is awake: its tabs ask it again, at once. */
  handBack(entry: Entry): void
  close(): void
}

export interface LongPollDeps {
  readonly places: Places
  readonly clientOf: (request: IncomingMessage) => string | undefined
  readonly onPresence: (entry: Entry, inactivityMs: number) => void
  readonly onHuman: (entry: Entry, client: string | undefined) => void
  /** Odoo's own: 50 s. */
  readonly pollMs: number
}

export const longPollMs = 50_000

const said = z.object({
  id: z.union([z.number(), z.string()]).nullish(),
  params: z
    .object({
      options: z
        .object({ bus_inactivity: z.number().min(0) })
        .partial()
        .nullish(),
    })
    .nullish(),
})

interface Poll {
  /** As JSON, to be given back. */
  readonly id: string
  /** Milliseconds since a key or the mouse was last moved. */
  readonly inactivityMs: number | undefined
}

export function createLongPolls({ places, clientOf, onPresence, onHuman, pollMs }: LongPollDeps): LongPolls {
  const waiting = new Map<Entry, Set<() => void>>()
  let leaving = false
  const ended = new WeakSet<ServerResponse>()
  const forwarded = new WeakMap<ServerResponse, { readonly entry: Entry; readonly poll: Poll }>()

  function wait(entry: Entry, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const all = waiting.get(entry) ?? new Set()
      const done = (): void => {
        clearTimeout(timer)
        response.off('close', done)
        all.delete(done)
        if (all.size === 0 && waiting.get(entry) === all) waiting.delete(entry)
        resolve()
      }
      const timer = setTimeout(done, pollMs)
      waiting.set(entry, all.add(done))
      response.once('close', done)
    })
  }

  async function attend(entry: Entry, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const poll = pollOf(await readSmallBody(request))
    if (poll.inactivityMs !== undefined) {
      onPresence(entry, poll.inactivityMs)
      if (poll.inactivityMs < presentMs) onHuman(entry, clientOf(request))
    }
    if (entry.room.life.is !== 'awake' && !response.destroyed && !leaving) await wait(entry, response)
    say(response, rpcResult(poll.id, '[]'), { 'Platxa-Instance': entry.room.life.is })
  }

  return {
    async hold(entry, request, response) {
      const giveBack = places.take(entry, clientOf(request))
      if (giveBack === undefined) return 'full'
      try {
        await attend(entry, request, response)
        return response.destroyed && !response.writableFinished ? 'client gone' : 'answered for'
      } finally {
        giveBack()
      }
    },
    async listen(entry, request, response) {
      const poll = pollOf(await peekBody(request))
      if (poll.inactivityMs !== undefined) onPresence(entry, poll.inactivityMs)
      forwarded.set(response, { entry, poll })
    },
    end(response) {
      const known = forwarded.get(response)
      if (known === undefined || !isLeaving(known.entry)) return false
      say(response, rpcResult(known.poll.id, '[]'))
      ended.add(response)
      return true
    },
    hasEnded: (response) => ended.has(response),
    handBack(entry) {
      for (const done of waiting.get(entry) ?? []) done()
    },
    close() {
      leaving = true
      for (const all of waiting.values()) for (const done of all) done()
    },
  }
}

function pollOf(body: string): Poll {
  try {
    const { data } = said.safeParse(JSON.parse(body))
    return { id: JSON.stringify(data?.id ?? null), inactivityMs: data?.params?.options?.bus_inactivity }
  } catch {
    return { id: 'null', inactivityMs: undefined }
  }
}
