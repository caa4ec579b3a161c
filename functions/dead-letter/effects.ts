import { Counter, type Registry } from 'prom-client'
import { isEventType } from '#shared/events/catalogue.ts'
import { namespaceOf } from '#shared/instance/names.ts'
import { isNotFound } from '#shared/k8s/errors.ts'
import { recordEvent } from '#shared/k8s/event.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { sentenceOf, type Obituary } from './decide.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly now: () => Temporal.Instant
  readonly log: Log
  /** Name of this process, for the Kubernetes Event. */
  readonly replica: string
  readonly count: (type: string, code: string) => void
}

export function deadLetterCounter(registry: Registry): Deps['count'] {
  const counter = new Counter({
    name: 'platxa_dead_letters_total',
    help: 'Events that no subscriber took, by type and last answer',
    labelNames: ['type', 'code'],
    registers: [registry],
  })
  // Anybody can send any type: only known ones may become a label.
  return (type, code) =>
    counter.inc({ type: isEventType(type) ? type : 'other', code: /^\d{3}$/.test(code) ? code : 'none' })
}

/** One log line, one count and, where the event speaks of an instance that exists, one Kubernetes Event there. */
export async function bury(obituary: Obituary, deps: Deps, signal: AbortSignal): Promise<void> {
  const { id, type, source, instance, destination, code, answer } = obituary
  deps.log.error({ 'event id': id, type, source, instance, destination, code, answer }, 'dead letter')
  deps.count(type, code ?? 'none')
  if (instance === undefined) return
  try {
    await tellNamespace(instance, obituary, deps, signal)
  } catch (error) {
    // The letter is in the log and in the count; to fail here would only send it round once more.
    if (!isNotFound(error))
      deps.log.warn({ instance, error: String(error) }, 'no Kubernetes Event for this dead letter')
  }
}

async function tellNamespace(instance: string, obituary: Obituary, deps: Deps, signal: AbortSignal): Promise<void> {
  const name = namespaceOf(instance)
  await recordEvent(
    deps.kubernetes,
    {
      regarding: { apiVersion: 'v1', kind: 'Namespace', name },
      reason: 'DeadLetter',
      action: 'Deliver',
      type: 'Warning',
      note: sentenceOf(obituary),
      reportingController: 'platxa.io/dead-letter',
      reportingInstance: deps.replica,
      at: deps.now(),
      // A process that ended before it could answer is asked again.
      key: [obituary.source, obituary.id, obituary.destination].join(' '),
    },
    signal,
  )
}
