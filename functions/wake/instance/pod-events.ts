// What Kubernetes says of a pod by Events alone: that its volumes cannot be attached or mounted. Looked at only while
// somebody waits for a pod whose containers are not made yet, so that a wake that goes well costs no call.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from 'kubernetes-types/core/v1.js'
import { namespaceOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Entry } from './entry.ts'
import type { Room } from './life.ts'
import type { Trouble } from './world.ts'

export interface PodEvents {
  /** After every change: begins or ends following the pod of this instance. */
  look(entry: Entry): void
  forget(entry: Entry): void
}

export interface PodEventsDeps {
  readonly kubernetes: Kubernetes
  readonly log: Log
  readonly signal: AbortSignal
  readonly onTrouble: (entry: Entry, pod: string, trouble: Trouble) => void
}

/** Pulling an image takes seconds too, so nothing is asked at once; early enough to be told within five seconds. */
const afterMs = 2_000

export function createPodEvents({ kubernetes, log, signal, onTrouble }: PodEventsDeps): PodEvents {
  const following = new Map<Entry, { readonly pod: string; readonly stop: AbortController }>()

  async function follow(entry: Entry, pod: string, until: AbortSignal): Promise<void> {
    await sleep(afterMs, undefined, { signal: until, ref: false })
    const kind = { apiVersion: 'v1', kind: 'Event', namespace: namespaceOf(entry.facts.name) }
    const options = {
      fieldSelector: `involvedObject.uid=${pod}`,
      signal: until,
      pick: troubleOfEvent,
    }
    for await (const event of kubernetes.watch(kind, options)) {
      const troubles = event.type === 'synced' ? event.objects : event.type === 'applied' ? [event.object] : []
      const last = troubles.findLast((trouble) => trouble !== undefined)
      if (last !== undefined) onTrouble(entry, pod, last)
    }
  }

  function forget(entry: Entry): void {
    following.get(entry)?.stop.abort()
    following.delete(entry)
  }

  return {
    look(entry) {
      const pod = stuckPod(entry.room)
      if (following.get(entry)?.pod === pod) return
      forget(entry)
      if (pod === undefined) return
      const stop = new AbortController()
      following.set(entry, { pod, stop })
      const until = AbortSignal.any([signal, stop.signal])
      follow(entry, pod, until).catch((error: unknown) => {
        if (!until.aborted)
          log.warn({ instance: entry.facts.name, error: String(error) }, 'cannot read the events of its pod')
      })
    },
    forget,
  }
}

/** A pod that has its node and no container yet, of an instance that somebody waits for. */
function stuckPod({ life, world: { pod } }: Room): string | undefined {
  if (life.is !== 'waking' || !life.eager || pod === null) return undefined
  return pod.phase === 'scheduled' || pod.phase === 'pulling' ? pod.uid : undefined
}

/** Not final: the attacher and the kubelet go on trying. */
export function troubleOfEvent({ reason, message = '' }: Event): Trouble | undefined {
  if (reason !== 'FailedMount' && reason !== 'FailedAttachVolume') return undefined
  const isConfiguration = /\b(?:secret|configmap)\b.*\bnot found/i.test(message)
  return { code: isConfiguration ? 'configuration' : 'volume', detail: message || reason, final: false }
}
