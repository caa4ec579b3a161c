const SMALL = 16 * 1024 // bytes looked at as text at once
const END = '\r\n\r\n'

export interface FoundHead {
  /** Status line to empty line. */
  readonly head: string
  /** `head`, and what was read with it. */
  readonly text: string
  /** Where in the bytes the body begins. */
  readonly bodyAt: number
}

/** Looks for a whole head in the reads it comes in. */
export class HeadReader {
  private readonly longest: number
  private partial = ''

  constructor(longest: number) {
    this.longest = longest
  }

  get begun(): boolean {
    return this.partial !== ''
  }

  take(bytes: Buffer, from: number, to: number): FoundHead | 'more' | 'too long' {
    const before = this.partial.length
    // An end may lie across two reads; what was looked at is not looked at again.
    const searched = Math.max(0, before - END.length)
    let text = this.partial + bytes.toString('latin1', from, Math.min(to, from + SMALL))
    let end = text.indexOf(END, searched)
    if (end < 0 && to - from > SMALL) {
      text = this.partial + bytes.toString('latin1', from, to)
      end = text.indexOf(END, searched)
    }
    if ((end < 0 ? text.length : end) > this.longest) return 'too long'
    this.partial = end < 0 ? text : ''
    if (end < 0) return 'more'
    return { head: text.slice(0, end + END.length), text, bodyAt: from + end + END.length - before }
  }
}
