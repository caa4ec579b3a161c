/** What the API server says went wrong (`Status.details`), as far as it says it. */
export interface FaultDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
  readonly retryAfterSeconds?: number
}

/** Which call failed, in the words of RBAC. */
export interface FailedCall {
  readonly verb: string
  /** `deployments`, `deployments/scale`; a path for calls that name no resource. */
  readonly resource: string
  readonly name?: string | undefined
  readonly namespace?: string | undefined
}

/** Reasons of our own, beside those of the API server: no answer came, or none in time, or none that can be read. */
export type OwnReason = 'Unreachable' | 'TimedOut' | 'Unreadable'

export interface Fault {
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number
  /** `Status.reason` of the API server (`NotFound`, `Conflict`, `Forbidden` …) or one of our own. */
  readonly reason: string
  readonly message: string
  readonly call: FailedCall
  readonly details?: FaultDetails | undefined
  readonly cause?: unknown
}

/** A call to the API server that did not succeed. Its message carries no token, no certificate and no Secret value. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError'
  readonly status: number
  readonly reason: string
  readonly call: FailedCall
  readonly details: FaultDetails

  constructor(fault: Fault) {
    const answer = fault.status === 0 ? fault.reason : `${fault.status} ${fault.reason}`
    super(`${inWords(fault.call)}: ${answer}: ${fault.message}`, { cause: fault.cause })
    this.status = fault.status
    this.reason = fault.reason
    this.call = fault.call
    this.details = fault.details ?? {}
  }
}

function inWords({ verb, resource, name, namespace }: FailedCall): string {
  return [verb, resource, name, namespace === undefined ? undefined : `in ${namespace}`].filter(Boolean).join(' ')
}

export function isNotFound(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 404
}

/** Somebody changed it meanwhile, a precondition failed or another manager owns the field. */
export function isConflict(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 409 && error.reason !== 'AlreadyExists'
}

export function isAlreadyExists(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 409 && error.reason === 'AlreadyExists'
}

export function isForbidden(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 403
}

/** The API server could not be reached or could not answer: the same call may succeed later. */
export function isUnavailable(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && (error.status === 0 || error.status === 429 || error.status >= 500)
}
