import { describe, expect, it } from 'vitest'
import { depart } from '#functions/wake/connection/departures.ts'

/** The names of what has left, at the moment it is asked. */
function departing(count: number): readonly number[] {
  const gone: number[] = []
  for (let i = 0; i < count; i += 1) depart(() => void gone.push(i))
  return gone
}

const turnsEnd = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('wake / departures', () => {
  it('leave at the end of the turn, in their order', async () => {
    const gone = departing(3)
    await Promise.resolve()
    expect(gone).toEqual([])
    await turnsEnd()
    expect(gone).toEqual([0, 1, 2])
  })

  it('do not wait for the end of a long turn', async () => {
    const gone = departing(40)
    expect(gone).toHaveLength(32)
    await turnsEnd()
    expect(gone).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })

  it('leave too when one of them brings another', async () => {
    const gone: string[] = []
    depart(() => {
      gone.push('first')
      depart(() => void gone.push('second'))
    })
    await turnsEnd()
    await turnsEnd()
    expect(gone).toEqual(['first', 'second'])
  })
})
