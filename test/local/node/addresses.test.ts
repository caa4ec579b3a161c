import { afterEach, describe, expect, it } from 'vitest'

import { type AddressBlock, claimBlock } from '#local/node/addresses.ts'

const blocks: AddressBlock[] = []
afterEach(async () => void (await Promise.all(blocks.splice(0).map((block) => block.close()))))

async function claim(wanted?: string): Promise<AddressBlock> {
  const block = await claimBlock(wanted)
  blocks.push(block)
  return block
}

describe('a block of addresses', () => {
  it('belongs to one node at a time', async () => {
    const [one, other] = [await claim(), await claim()]
    expect(other.block).not.toBe(one.block)
    await one.close()
    expect((await claim(one.block)).block).toBe(one.block)
  })

  it('is another one when the wanted one is in use', async () => {
    const one = await claim()
    expect((await claim(one.block)).block).not.toBe(one.block)
  })

  it('gives each address once, and one that came back only after all the others', async () => {
    const block = await claim()
    const first = block.take() ?? ''
    expect(first).toBe(`${block.block}.2`)
    block.give(first)
    const rest = Array.from({ length: 252 }, () => block.take())
    expect(new Set(rest).size).toBe(252)
    expect(rest).not.toContain(first)
    expect([block.take(), block.take()]).toEqual([first, undefined])
  })
})
