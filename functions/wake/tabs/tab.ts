// The socket of an open tab on its way to its instance: read in passing, for what it says of its human; and when the
// instance falls asleep, its goodbye is kept from the tab, which then talks to us and notices nothing. It can also be told to
// come again, because then it tells of its human.
import type { Duplex } from 'node:stream'
import type { Tap } from '../connection/forward.ts'
import { closeCodes, closeFrame, FrameScanner, opcodes, serverCloseFrame } from './frames.ts'
import { inactivityOf } from './presence.ts'
import type { ComeAgain } from './tabs.ts'

export interface TabDeps {
  readonly onPresence: (inactivityMs: number) => void
  /** Whether the instance is falling asleep; any other goodbye is for the tab to hear. */
  readonly isLeaving: () => boolean
  /** `begun`: what the tab has said of a frame that is not whole yet. False when there is no place. */
  readonly adopt: (client: Duplex, begun: Buffer) => boolean
}

type Splice = Parameters<NonNullable<Tap['onInstanceEnd']>>[0]

export function tabTap({ onPresence, isLeaving, adopt }: TabDeps): Tap & { readonly comeAgain: ComeAgain } {
  /** Known as soon as either side has said something. */
  let here: Splice | undefined
  let isSentAway = false
  const fromClient = new FrameScanner(({ opcode, final, payload }) => {
    if (opcode !== opcodes.text || !final || payload === undefined) return
    const inactivityMs = inactivityOf(payload.toString('utf8'))
    if (inactivityMs !== undefined) onPresence(inactivityMs)
  })
  let goodbyeAt: number | undefined
  const fromInstance = new FrameScanner(({ opcode, startsAt }) => {
    if (opcode === opcodes.close) goodbyeAt = startsAt
  })

  function keep(splice: Splice): boolean {
    const { begun } = fromClient
    const isClear = fromInstance.isBetweenMessages && !fromInstance.extended && !fromClient.extended
    if (!isClear || begun === undefined || splice.client.destroyed) return false
    const client = splice.takeClient()
    // Without a place for it the tab has to come again, like any other.
    if (!adopt(client, begun)) client.destroy()
    return true
  }

  function comeAgain(): boolean {
    if (here === undefined || isSentAway || goodbyeAt !== undefined || !fromInstance.isBetweenMessages) return false
    isSentAway = true
    // Its answer goes on to the instance, which closes its end then.
    here.toClient(serverCloseFrame(closeCodes.comeAgain))
    return true
  }

  return {
    comeAgain,
    fromClient(bytes, splice) {
      here = splice
      fromClient.scan(bytes)
      return bytes
    },
    fromInstance(bytes, splice) {
      here = splice
      fromInstance.scan(bytes)
      if (isSentAway) return undefined
      if (goodbyeAt === undefined || goodbyeAt < 0 || !isLeaving()) return bytes
      if (goodbyeAt > 0) splice.toClient(bytes.subarray(0, goodbyeAt))
      // Odoo waits 15 s for this answer before it ends (odoo-lab.md, claim i).
      splice.toInstance(closeFrame(closeCodes.goingAway))
      if (!keep(splice)) splice.toClient(bytes.subarray(goodbyeAt))
      return undefined
    },
    onInstanceEnd: (splice) => !isSentAway && goodbyeAt === undefined && isLeaving() && keep(splice),
  }
}
