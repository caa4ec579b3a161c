// Patterns without a regular expression behind them: a client chooses what they are held against, so no pattern may take
// more than one way through it. Pure.

/** `*` stands for anything, `?` for the edge of a word: one character that is no letter, digit or underscore. */
export function globOf(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*')
  const [first = ''] = pieces
  const last = pieces.at(-1) ?? ''
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '')
  if (pieces.length === 1) return (text) => text.length === pattern.length && isAt(text, pattern, 0)
  return (text) => {
    if (text.length < first.length + last.length || !isAt(text, first, 0)) return false
    const end = text.length - last.length
    if (!isAt(text, last, end)) return false
    let at = first.length
    for (const piece of middle) {
      const found = find(text, piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}

/** The earliest place is as good as any: what comes after it has the most room. */
function find(text: string, piece: string, from: number): number {
  if (!piece.includes('?')) return text.indexOf(piece, from)
  const letters = piece.replace(/^\?+|\?+$/g, '')
  if (letters === '' || letters.includes('?')) return findSlowly(text, piece, from)
  const before = piece.indexOf(letters)
  for (let at = text.indexOf(letters, from + before); at !== -1; at = text.indexOf(letters, at + 1)) {
    if (isAt(text, piece, at - before)) return at - before
  }
  return -1
}

function findSlowly(text: string, piece: string, from: number): number {
  for (let at = from; at + piece.length <= text.length; at += 1) if (isAt(text, piece, at)) return at
  return -1
}

function isAt(text: string, piece: string, at: number): boolean {
  if (at < 0 || at + piece.length > text.length) return false
  if (!piece.includes('?')) return text.startsWith(piece, at)
  for (let i = 0; i < piece.length; i += 1) {
    const letter = piece.charAt(i)
    const here = text.charAt(at + i)
    if (letter === '?' ? isWord(here) : letter !== here) return false
  }
  return true
}

function isWord(character: string): boolean {
  return /^\w$/.test(character)
}

/**
 * Of a path: `*` stands for anything between two slashes, at the very end for everything below. Names are compared one by
 * one, so that the first that differs ends it.
 */
export function pathGlobOf(pattern: string): (path: string) => boolean {
  const isOpen = pattern.endsWith('/*')
  const names = (isOpen ? pattern.slice(1, -2) : pattern.slice(1)).split('/').map(globOf)
  const [start = ''] = pattern.split('*', 1)
  return (path) => {
    if (!path.startsWith(start)) return false
    let at = 1
    let slash = 0
    for (const matches of names) {
      if (slash === -1) return false
      slash = path.indexOf('/', at)
      const end = slash === -1 ? path.length : slash
      if (!matches(path.slice(at, end))) return false
      at = end + 1
    }
    return isOpen === (slash !== -1)
  }
}
