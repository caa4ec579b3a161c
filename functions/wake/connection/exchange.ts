import { answerHead, answerWhole, endAnswer, endLate, limitTail, pieceTo, relayInformational } from './answer.ts'
import type { Asked, Forwarded, Means } from './asked.ts'
import { readerFor, type BodyReader, type Piece } from './body.ts'
import { depart } from './departures.ts'
import { ForwardFault } from './fault.ts'
import { HeadReader } from './head-reader.ts'
import type { Passenger, Source } from './pool.ts'
import { responseHead, type ResponseHead } from './response-head.ts'
import { Upload } from './upload.ts'
import type { Rider, Wire } from './wire.ts'

const MOST_INFORMATIONAL = 16

/** One request and its answer. */
export class Exchange implements Rider, Passenger {
  private readonly asked: Asked
  private readonly source: Source
  private readonly means: Means
  private readonly settle: (how: Forwarded) => void
  private readonly upload: Upload | undefined
  private readonly repeatable: boolean
  private wire: Wire | undefined
  /** The caller has been told. */
  private over = false
  private readonly heads: HeadReader
  private head: ResponseHead | undefined
  private reader: BodyReader | undefined
  private piece: Piece = () => undefined
  private informational = 0
  /** On a wire, but the instance has been given nothing yet. */
  private unsent = false

  constructor(asked: Asked, source: Source, means: Means, settle: (how: Forwarded) => void) {
    this.asked = asked
    this.source = source
    this.means = means
    this.settle = settle
    this.heads = new HeadReader(means.limits.headBytes)
    const { request, response, head } = asked
    this.repeatable = head.body === 'none' && (request.method === 'GET' || request.method === 'HEAD')
    if (head.body !== 'none') this.upload = new Upload(request, head.text, head.body, () => this.asksNoMore())
    response.sendDate = false
    response.on('close', () => this.closed())
  }

  start(): void {
    this.source.take(this, this.repeatable ? 'any' : 'fresh')
  }

  board(wire: Wire): void {
    this.wire = wire
    wire.rider = this
    if (this.upload === undefined) {
      this.unsent = true
      return depart(() => this.send())
    }
    wire.expect('idle', this.means.watchdog.ticks(this.means.limits.idleMs))
    this.upload.start(wire)
  }

  private send(): void {
    const { wire } = this
    if (wire === undefined || !this.unsent) return
    this.unsent = false
    wire.socket.write(this.asked.head.text, 'latin1')
    if (wire.socket.errored === null) this.asksNoMore()
    else this.refused(wire)
  }

  left(fault: ForwardFault): void {
    this.tell({ outcome: 'unsent', error: fault })
  }

  onDrain(): void {
    this.upload?.resume()
  }

  onBytes(bytes: Buffer, length: number): boolean {
    // Whatever this is, it is no answer to what has not been asked: often a last word on a kept socket.
    if (this.unsent && this.wire !== undefined) return this.refused(this.wire)
    if (this.reader !== undefined) return this.body(this.reader, bytes, 0, length)
    return this.readHead(bytes, 0, length)
  }

  onEnd(): void {
    if (this.head?.body === 'until close') this.complete()
    else this.wire?.cut(new ForwardFault('instance gone', 'it closed the connection before its answer was whole'))
  }

  onGone(fault: ForwardFault): void {
    if (this.unsent && this.wire !== undefined) return void this.refused(this.wire)
    const silent = this.head === undefined && !this.heads.begun && this.informational === 0
    const stale = fault.fault === 'instance gone' && silent && this.wire?.carried !== 0
    if (stale && this.repeatable) this.again()
    else this.broken(fault)
  }

  /** Nothing of the request was taken: this socket was of no use before we came. */
  private refused(wire: Wire): false {
    if (wire.carried > 0) this.again()
    else {
      this.drop()
      this.left(new ForwardFault('connect', 'it took no request'))
    }
    return false
  }

  /** Only ever after a kept socket, and only on a new one: so at most once. */
  private again(): void {
    this.drop()
    this.source.take(this, 'new')
  }

  /** The instance has the whole request. */
  private asksNoMore(): void {
    if (this.head === undefined)
      this.wire?.expect('first byte', this.means.watchdog.ticks(this.means.limits.firstByteMs))
  }

  private readHead(bytes: Buffer, from: number, to: number): boolean {
    const found = this.heads.take(bytes, from, to)
    if (found === 'more') return true
    if (found === 'too long') return this.lied('its head is too long')
    const { text, bodyAt } = found
    const head = responseHead(found.head, this.asked.request.method === 'HEAD')
    if ('lie' in head) return this.lied(head.lie)
    if (head.status < 200) return this.inform(head, bytes, bodyAt, to)
    return this.answer(head, text.length - head.text.length === to - bodyAt ? text : undefined, bytes, bodyAt, to)
  }

  private inform(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean {
    const { request, response, onSwitch } = this.asked
    const { wire } = this
    if (head.status === 101) {
      if (onSwitch === undefined || wire === undefined || head.upgrade !== 'websocket') {
        return this.lied('it switched to a protocol nobody asked for')
      }
      this.over = true
      this.wire = undefined
      wire.leave()
      onSwitch(wire, head, Buffer.copyBytesFrom(bytes, from, to - from))
      return true
    }
    this.informational += 1
    if (this.informational > MOST_INFORMATIONAL) return this.lied('it never comes to its answer')
    relayInformational(request, response, head)
    return from === to || this.readHead(bytes, from, to)
  }

  /** `text`: head and all that has come of the body, where that is little enough to be a string. */
  private answer(head: ResponseHead, text: string | undefined, bytes: Buffer, from: number, to: number): boolean {
    const { request, response } = this.asked
    if (typeof head.body === 'number' && to - from > head.body) return this.lied('more bytes than its length says')
    this.head = head
    if (this.upload?.done === false) response.shouldKeepAlive = false
    this.wire?.expect('idle', this.means.watchdog.ticks(this.means.limits.idleMs))
    if (text !== undefined && to - from === head.body) return this.answerAtOnce(head, text)
    answerHead(request, response, head)
    if (head.body === 'none') return this.complete(from === to)
    // A stream may say nothing for long: its head does not wait for its first event.
    if (from === to) response.flushHeaders()
    this.reader = readerFor(head.body, this.means.limits.headBytes)
    if (this.wire !== undefined) this.piece = pieceTo(response, this.wire)
    return this.body(this.reader, bytes, from, to)
  }

  private answerAtOnce(head: ResponseHead, text: string): boolean {
    const { request, response } = this.asked
    if (this.upload?.done !== false && answerWhole(request, response, head, text, this.means.limits.idleMs))
      return this.finish(true)
    answerHead(request, response, head)
    return this.complete(true, text.slice(head.text.length))
  }

  private body(reader: BodyReader, bytes: Buffer, from: number, to: number): boolean {
    const { response } = this.asked
    const stop = reader.take(bytes, from, to, this.piece)
    if (typeof stop !== 'number') return this.lied(stop.lie)
    if (stop < to) return this.lied('more bytes than its body has')
    if (reader.done) return this.complete()
    if (!response.writableNeedDrain || response.writableLength === 0) return true
    response.once('drain', () => this.wire?.socket.resume())
    return false
  }

  /** The answer is whole. `clean`: nothing came after it. `text`: what is still to be written of it. */
  private complete(clean = true, text?: string): boolean {
    const { request, response } = this.asked
    if (this.upload?.done !== false) endAnswer(response, text, this.reader?.trailers)
    else {
      this.upload.stop()
      endLate(request, response, text)
    }
    limitTail(response, this.means.limits.idleMs)
    return this.finish(clean)
  }

  private finish(clean: boolean): boolean {
    const { wire } = this
    this.wire = undefined
    if (wire === undefined) return true
    wire.keep &&= clean && this.upload?.done !== false && this.head?.keep === true
    this.source.put(wire)
    return true
  }

  private lied(why: string): false {
    this.drop()
    this.broken(new ForwardFault('lying response', why))
    return false
  }

  private drop(): void {
    const { wire } = this
    this.wire = undefined
    wire?.leave()
    wire?.socket.destroy()
  }

  /** Never a clean end: either the answer says what went wrong, or the client sees its connection break. */
  private broken(fault: ForwardFault): void {
    const { response } = this.asked
    this.wire = undefined
    if (this.over) return
    this.tell({ outcome: 'broken', error: fault })
    if (response.headersSent) return void response.destroy()
    if (this.upload?.done === false) response.shouldKeepAlive = false
    this.upload?.stop()
    this.means.answerFault(response, fault)
  }

  /** The client has its answer, or has gone. */
  private closed(): void {
    if (this.over) return
    const { head } = this
    const answered = this.wire === undefined && this.asked.response.writableFinished
    this.drop()
    if (head === undefined) this.source.forget(this)
    this.tell(
      head !== undefined && answered ? { outcome: 'answered', status: head.status } : { outcome: 'client gone' },
    )
  }

  private tell(how: Forwarded): void {
    if (this.over) return
    this.over = true
    this.settle(how)
  }
}
