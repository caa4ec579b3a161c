import { createServer } from 'node:net'

import { describe, expect, it, onTestFinished } from 'vitest'

import { freePorts } from '#local/control-plane/ports.ts'

describe('free ports', () => {
  it('are all different', async () => {
    const ports = await freePorts('127.0.0.1', ['a', 'b', 'c'])
    expect(new Set(Object.values(ports)).size).toBe(3)
  })

  it('are the preferred ones where nobody has taken them', async () => {
    const before = await freePorts('127.0.0.1', ['a', 'b'])
    expect(await freePorts('127.0.0.1', ['a', 'b'], before)).toEqual(before)
  })

  it('are others where somebody has', async () => {
    const { a } = await freePorts('127.0.0.1', ['a'])
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(a, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    expect((await freePorts('127.0.0.1', ['a'], { a })).a).not.toBe(a)
  })
})
