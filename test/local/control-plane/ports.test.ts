import { createServer } from 'node:net'

import { describe, expect, it, onTestFinished } from 'vitest'

import { freePorts } from '#local/control-plane/ports.ts'
import { addresses } from '#test/world/addresses.ts'

/** Where nobody else takes a port between two looks. */
const host = addresses()()

describe('free ports', () => {
  it('are all different', async () => {
    const ports = await freePorts(host, ['a', 'b', 'c'])
    expect(new Set(Object.values(ports)).size).toBe(3)
  })

  it('are the preferred ones where nobody has taken them', async () => {
    const before = await freePorts(host, ['a', 'b'])
    expect(await freePorts(host, ['a', 'b'], before)).toEqual(before)
  })

  it('are others where somebody has', async () => {
    const { a } = await freePorts(host, ['a'])
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(a, host, resolve))
    onTestFinished(() => void other.close())
    expect((await freePorts(host, ['a'], { a })).a).not.toBe(a)
  })
})
