// Which language a reader gets.
import { ar } from './ar.ts'
import { de } from './de.ts'
import { en } from './en.ts'
import { es } from './es.ts'
import { fr } from './fr.ts'
import { pt } from './pt.ts'
import type { Words } from './words.ts'

const all: readonly Words[] = [en, fr, es, de, pt, ar]
const byLanguage = new Map(all.map((words) => [words.language, words]))

/** The same few headers come again and again. */
const chosen = new Map<string, Words>()
const chosenKept = 500
const longestKept = 200

/** RFC 9110 §12.5.4, by primary language only: `fr-CA;q=0.9, en` → French. English when nothing fits. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  if (acceptLanguage === undefined) return en
  const known = chosen.get(acceptLanguage)
  if (known !== undefined) return known
  const words = choose(acceptLanguage.slice(0, 400))
  if (acceptLanguage.length > longestKept) return words
  if (chosen.size >= chosenKept) chosen.clear()
  chosen.set(acceptLanguage, words)
  return words
}

function choose(header: string): Words {
  const wishes = header.split(',').flatMap((part) => {
    const [range = '', ...parameters] = part.split(';')
    const quality = parameters.map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find(Boolean)
    const words = byLanguage.get(range.trim().split('-')[0]?.toLowerCase() ?? '')
    return words && Number(quality ?? 1) > 0 ? [{ words, quality: Number(quality ?? 1) }] : []
  })
  return wishes.toSorted((a, b) => b.quality - a.quality)[0]?.words ?? en
}
