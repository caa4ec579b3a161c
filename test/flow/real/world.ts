// The local world with real Odoos in it, one instance of the free tier and one of the pro tier.
import { type LocalWorld, localWorld } from '../local-world.ts'
import { type Instance, instanceOf } from './instance.ts'

export interface RealWorld extends AsyncDisposable {
  readonly world: LocalWorld
  readonly demo: Instance
  readonly shop: Instance
}

export async function realWorld(idleTimeout: string): Promise<RealWorld> {
  const world = await localWorld()
  try {
    const { code, output } = await world.start('--odoo', 'real', '--idle-timeout', idleTimeout)
    if (code !== 0) throw new Error(output)
    const [demo, shop] = [await instanceOf(world, 'demo'), await instanceOf(world, 'shop')]
    // What Odoo has to do by schedule is a story of its own.
    for (const { annotate } of [demo, shop]) await annotate({ 'platxa.io/crons': 'never' })
    return { world, demo, shop, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
  } catch (error) {
    await world[Symbol.asyncDispose]()
    throw error
  }
}
