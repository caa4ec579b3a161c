// npm start: the whole platform on one machine, until Ctrl-C.
import { detach } from './world/detach.ts'
import { layoutOf } from './world/layout.ts'
import { OptionError, readOptions, usage } from './world/options.ts'

const layout = layoutOf(process.env)
const args = process.argv.slice(2)
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = readOptions(args, process.env)
    if (options === undefined) {
      console.log(usage)
      return 0
    }
    if (options.detach) return await detach(args, layout)
    // Loaded here, because it is a lot and the one that only waits for another process does without.
    const { run } = await import('./world/run.ts')
    return await run(options, layout)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    console.error(error.message)
    return 2
  }
}
