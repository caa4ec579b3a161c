// Fields that nobody will look at, cut out of an answer before it is parsed: nine tenths of a Deployment are its pod template
// and who set which field, and parsing costs by the byte.

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/**
 * The same JSON with null for each object and list under one of these names, at any depth. What the API server sends has no
 * spaces; where a proxy has put some in, nothing is cut and everything is parsed.
 */
export function leaveOut(json: Buffer, names: readonly string[]): string {
  const searches = names.map((name) => search(json, `"${name}":`))
  const kept: string[] = []
  let from = 0
  for (;;) {
    const bracket = Math.min(...searches.map((next) => next(from)))
    if (bracket === Infinity) break
    kept.push(json.toString('utf8', from, bracket), 'null')
    from = endOf(json, bracket)
  }
  return kept.join('') + json.toString('utf8', from)
}

/**
 * Where the next object or list of this name begins. Inside a string the quotes of a name have backslashes, so what is found
 * is a name.
 */
function search(json: Buffer, name: string): (from: number) => number {
  let at = -1
  return (from) => {
    for (let start = from; at < from;) {
      const found = json.indexOf(name, start)
      start = found + name.length
      if (found === -1) at = Infinity
      else if (marks[json[start] ?? 0] === opens) at = start
    }
    return at
  }
}

const [opens, closes, quotes] = [1, 2, 3]
const marks = new Uint8Array(256)
marks[openBrace] = marks[openBracket] = opens
marks[closeBrace] = marks[closeBracket] = closes
marks[quote] = quotes

/** Behind the bracket that closes the one at `at`. One look into a table per byte: this is most of what a large list costs. */
function endOf(json: Buffer, at: number): number {
  const { length } = json
  let depth = 0
  let index = at
  while (index < length) {
    const mark = marks[json[index] ?? 0]
    index += 1
    if (mark === 0) continue
    if (mark === quotes) index = endOfString(json, index, length)
    else if (mark === opens) depth += 1
    else {
      depth -= 1
      if (depth === 0) return index
    }
  }
  return length
}

/** Behind its closing quote. */
function endOfString(json: Buffer, from: number, length: number): number {
  let index = from
  while (index < length) {
    const byte = json[index]
    index += 1
    if (byte === quote) return index
    if (byte === backslash) index += 1
  }
  return length
}
