// What the doctor sees and says. A check looks at one thing of a cluster and never changes it.
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin } from '#shared/postgres/connect.ts'

export interface Finding {
  /** `unknown`: it could not be looked at from here, which is no fault of the cluster. */
  readonly state: 'good' | 'bad' | 'unknown'
  readonly says: string
  /** What to do, a command where there is one. */
  readonly mend?: string
}

export interface Patient {
  readonly kubernetes: Kubernetes
  /** As the functions log in; undefined when that is not known from here, with the reason in `postgresFault`. */
  readonly postgres: Admin | undefined
  readonly postgresFault: string | undefined
  /** `npm start`, which plays Knative and Traefik itself. */
  readonly isLocalWorld: boolean
  /** The ConfigMap of the functions; empty when there is none. */
  readonly settings: Readonly<Record<string, string>>
  readonly now: () => Temporal.Instant
  readonly signal: AbortSignal
}

export interface Check {
  readonly name: string
  /** True: also before anything of ours is installed. */
  readonly beforeInstall: boolean
  /** True: a cluster has it, the local world has not. */
  readonly clusterOnly: boolean
  readonly look: (patient: Patient) => Promise<readonly Finding[]>
}

export const good = (says: string): Finding => ({ state: 'good', says })
export const bad = (says: string, mend: string): Finding => ({ state: 'bad', says, mend })
export const unknown = (says: string, mend?: string): Finding => ({
  state: 'unknown',
  says,
  ...(mend !== undefined && { mend }),
})
