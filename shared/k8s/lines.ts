const NEWLINE = 0x0a

/** Complete lines of a stream of bytes, without their ends; what is left without one at the end is given too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, longestBytes: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8')
      parts = []
      length = 0
      from = end + 1
      if (line !== '') yield line
    }
    const rest = chunk.subarray(from)
    length += rest.length
    if (length > longestBytes) throw new RangeError(`a line is longer than ${longestBytes} bytes`)
    if (rest.length > 0) parts.push(rest)
  }
  if (length > 0) yield Buffer.concat(parts).toString('utf8')
}
