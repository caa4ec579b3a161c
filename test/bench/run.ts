// npm run bench [-- NAME ...] [--json] [--rounds N]
//
// A bench is a file test/bench/{name}.bench.ts that exports
//
//   export const about = 'one line for people'
//   export async function* figures(kit: Kit): AsyncGenerator<Figure> { … yield { name: 'name.what', value, unit, … } }
//
// (Figure, Kit and `median`: figure.ts.) NAME is a bench (`forward`) or the beginning of a figure's name (`forward.cpu`: the bench runs
// whole, the rest is not shown). Compare like with like: programs in processes of their own, rounds interleaved (A B A B), medians of
// ratios. A bench installs nothing; what is missing on this machine makes no figure and is said.
import { readdirSync } from 'node:fs'
import { createKit } from './kit.ts'
import type { Figure, Kit } from './figure.ts'

interface Bench {
  readonly about: string
  figures(kit: Kit): AsyncIterable<Figure>
}

const HERE = new URL('.', import.meta.url)
const { json, options, names } = readArguments(process.argv.slice(2))
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

const all = readdirSync(HERE)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort()
const chosen = all.filter(
  (bench) => names.length === 0 || names.some((name) => name === bench || name.startsWith(`${bench}.`)),
)
const unknown = names.filter((name) => !all.some((bench) => name === bench || name.startsWith(`${bench}.`)))
if (unknown.length > 0) {
  console.error(`no bench named ${unknown.join(', ')}; there are: ${all.join(', ')}`)
  process.exitCode = 2
} else {
  for (const name of chosen) await run(name)
}

function readArguments(words: readonly string[]): {
  json: boolean
  options: ReadonlyMap<string, number>
  names: readonly string[]
} {
  const numbers = new Map<string, number>()
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (!word.startsWith('--')) rest.push(word)
    else if (word !== '--json') numbers.set(word.slice(2), Number(words[(i += 1)]))
  }
  return { json: words.includes('--json'), options: numbers, names: rest }
}

async function run(name: string): Promise<void> {
  const bench = (await import(new URL(`${name}.bench.ts`, HERE).href)) as Bench
  const say = (text: string): void => console.error(`  ${text}`)
  if (!json) console.log(`\n${name}: ${bench.about}`)
  const { kit, stop } = createKit({ signal: stopping.signal, say, options })
  try {
    for await (const figure of bench.figures(kit)) {
      if (wanted(figure.name)) console.log(json ? line(figure) : row(figure))
    }
  } catch (error) {
    console.error(`${name} failed:`, error)
    process.exitCode = 1
  } finally {
    await stop()
  }
}

function wanted(figure: string): boolean {
  return names.length === 0 || names.some((name) => figure === name || figure.startsWith(`${name}.`))
}

function line({ name, value, unit, reference, ratio }: Figure): string {
  const held = { reference: reference ?? null, ratio: ratio === undefined ? null : rounded(ratio) }
  return JSON.stringify({ name, value: rounded(value), unit, ...held })
}

function row(figure: Figure): string {
  const value = `${rounded(figure.value)} ${figure.unit}`
  const ratio = figure.ratio === undefined ? '' : `× ${rounded(figure.ratio)}`
  return `  ${figure.name.padEnd(28)} ${value.padStart(14)} ${ratio.padStart(9)}  ${promise(figure).padEnd(12)} ${figure.reference ?? ''}`.trimEnd()
}

function promise({ goal, value }: Figure): string {
  if (goal === undefined) return ''
  if ('atMost' in goal) return `${value <= goal.atMost ? '✓' : '✗'} ≤ ${goal.atMost}`
  return `${value >= goal.atLeast ? '✓' : '✗'} ≥ ${goal.atLeast}`
}

function rounded(value: number): number {
  return Number(value.toPrecision(value >= 1000 ? 6 : 3))
}
