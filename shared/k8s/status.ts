// From an answer of the API server that is not a success to an error of ours.
import { type FailedCall, type FaultDetails, KubernetesError, type OwnReason } from './errors.ts'

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

const LONGEST_FOREIGN_TEXT = 200

/** `meta/v1 Status`, as far as it is one. */
interface Status {
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: FaultDetails
}

/** `secrets`: strings that were sent and must not come back in a message. */
export function refused(
  call: FailedCall,
  httpStatus: number,
  body: string,
  secrets: Iterable<string>,
): KubernetesError {
  const status = parseStatus(body)
  return new KubernetesError({
    status: httpStatus,
    reason: status?.reason || (REASONS[httpStatus] ?? 'Unknown'),
    message: without(secrets, status?.message ?? body.slice(0, LONGEST_FOREIGN_TEXT).trim()),
    call,
    details: status?.details,
  })
}

/** An ERROR event of a watch holds a Status. */
export function refusedInWatch(call: FailedCall, object: unknown): KubernetesError {
  const status = isStatus(object) ? object : {}
  return refused(call, status.code ?? 500, JSON.stringify(object), [])
}

export function noAnswer(call: FailedCall, reason: OwnReason, cause: unknown): KubernetesError {
  return new KubernetesError({ status: 0, reason, message: messageOf(cause), call, cause })
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // an AggregateError (every address of a name was tried) has no message of its own
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined
  return cause.message || (inner instanceof Error ? inner.message : cause.name)
}

function parseStatus(body: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isStatus(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status'
}

function without(secrets: Iterable<string>, message: string): string {
  let clean = message
  for (const secret of secrets) clean = clean.replaceAll(secret, '…')
  return clean
}

const SHORTEST_SECRET = 4

/** The values of a Secret, as sent and as they read when decoded. */
export function secretValues(body: unknown): ReadonlySet<string> {
  const found = new Set<string>()
  const collect = (value: unknown) => {
    if (typeof value === 'string') {
      for (const text of [value, Buffer.from(value, 'base64').toString('utf8')]) {
        if (text.length >= SHORTEST_SECRET) found.add(text)
      }
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect)
  }
  if (Array.isArray(body)) body.forEach((operation: unknown) => collect(part(operation, 'value')))
  else ['data', 'stringData'].forEach((field) => collect(part(body, field)))
  return found
}

function part(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === field)?.[1]
    : undefined
}
