import { startupSnapshot } from 'node:v8'

/** Deals with its own faults. */
type Main = () => Promise<void>

const mains = new Map<string, Main>()

/**
 * What every main.ts of a function ends with. Its `main` runs at once; but while the image is made, which keeps a heap that has loaded all
 * functions, it is kept too, for the process that is asked for a function of this name. So nothing that a process has of its own, as its
 * time, its environment and its random numbers, may be looked at before.
 */
export function entry(name: string, main: Main): void {
  if (startupSnapshot.isBuildingSnapshot()) mains.set(name, main)
  else void main()
}

/** For the image; undefined when no function has this name. */
export function entryOf(name: string): Main | undefined {
  return mains.get(name)
}
