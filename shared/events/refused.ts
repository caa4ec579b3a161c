/** 400 the envelope is broken, 413 too large, 415 a format nobody here reads, 422 well formed but not what we agreed on. */
export type RefusedStatus = 400 | 413 | 415 | 422

/** An event that will not get better by sending it again: none of the four statuses makes a broker retry. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused'
  readonly status: RefusedStatus
  /** The attribute at fault, as CloudEvents spells it: `id`, `data`, `datacontenttype` … */
  readonly attribute: string

  constructor(status: RefusedStatus, attribute: string, fault: string, options?: ErrorOptions) {
    super(`${attribute} ${fault}`, options)
    this.status = status
    this.attribute = attribute
  }
}
