// The story that every installation must be able to tell: an instance is requested, visited, falls asleep, wakes for a page
// and for an API client, and is removed. From inside the cluster, by the ways that others take: broker, ingress, API server.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Namespace } from 'kubernetes-types/core/v1.js'
import type { Dispatcher } from 'undici'
import { type EventData, type EventType } from '#shared/events/catalogue.ts'
import { makeEvent } from '#shared/events/emit.ts'
import type { Publisher } from '#shared/events/publish.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface StoryOptions {
  readonly kubernetes: Kubernetes
  readonly publisher: Publisher
  /** The ingress, by whatever name it is reached from here; the host of the instance goes along with each request. */
  readonly door: { readonly url: string; readonly dispatcher: Dispatcher }
  readonly baseDomain: string
  readonly odooVersion: EventData<'io.platxa.instance.requested.v1'>['odooVersion']
  readonly tell: (step: string, milliseconds: number) => void
  readonly signal: AbortSignal
}

/** Images may have to be pulled first. */
const AWAKE_WITHIN_MS = 600_000
/** MINIMUM_AWAKE, then the next look. */
const ASLEEP_WITHIN_MS = 300_000
const GONE_WITHIN_MS = 300_000
const POLL_MS = 1_000
const ASK_AGAIN_MS = 10_000
const REQUEST_WITHIN_MS = 120_000
const SOURCE = '//verify.platxa.io'

export async function tellStory(options: StoryOptions): Promise<void> {
  const { kubernetes, baseDomain, odooVersion, signal } = options
  const name = `verify-${randomBytes(4).toString('hex')}`
  const host = `${name}.${baseDomain}`
  const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    const result = await work()
    options.tell(what, Math.round(performance.now() - startedAt))
    return result
  }
  const publish = <T extends EventType>(type: T, data: EventData<T>): Promise<void> =>
    options.publisher.publish(makeEvent({ type, source: SOURCE, data, id: randomBytes(8).toString('hex') }), { signal })
  const namespaceRef = { apiVersion: 'v1', kind: 'Namespace', name: `instance-${name}` } as const
  const replicas = async (): Promise<number | undefined> => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: `instance-${name}`, name: `odoo-${name}` }
    return (await kubernetes.get<Deployment>(ref, { signal }))?.spec?.replicas
  }
  const visit = (path: string, asked: Asked = {}): Promise<Answer> => request(options, host, path, asked)

  try {
    await step('an instance is requested', () =>
      publish('io.platxa.instance.requested.v1', {
        name,
        revision: 1,
        ownerId: 'verify',
        tier: 'free',
        odooVersion,
        hosts: [host],
      }),
    )
    await step('its first visitor gets in', () =>
      until('a page of Odoo', AWAKE_WITHIN_MS, signal, async () => (await visit('/web/login')).status === 200),
    )
    await step('nobody uses it: it falls asleep', async () => {
      let asked = Number.NEGATIVE_INFINITY
      await until('0 replicas', ASLEEP_WITHIN_MS, signal, async () => {
        if (performance.now() - asked > ASK_AGAIN_MS) {
          asked = performance.now()
          await publish('io.platxa.idle.scan.requested.v1', { scope: [name], idleSeconds: 1 })
        }
        return (await replicas()) === 0
      })
    })
    await step('a visitor is shown that it wakes, then gets in', async () => {
      const first = await visit('/web/login', { accept: 'text/html' })
      // A pod that is not quite gone may still let one in.
      if (first.status !== 200 && !(first.status === 503 && first.retryAfter !== undefined)) throw new Unexpected(first)
      await until('a page of Odoo', AWAKE_WITHIN_MS, signal, async () => (await visit('/web/login')).status === 200)
    })
    await step('an API client is answered', async () => {
      const params = { service: 'common', method: 'version', args: [] }
      const answer = await visit('/jsonrpc', { json: { jsonrpc: '2.0', method: 'call', id: 1, params } })
      if (answer.status !== 200 || !answer.body.includes('server_version')) throw new Unexpected(answer)
    })
  } finally {
    const found = await kubernetes.get<Namespace>(namespaceRef, { signal })
    const uid = found?.metadata?.uid
    if (uid !== undefined) {
      await step('it is removed', async () => {
        await publish('io.platxa.instance.removal.requested.v1', { name, revision: 2, uid, keepDatabase: false })
        await until(
          'the end of the namespace',
          GONE_WITHIN_MS,
          signal,
          async () => (await kubernetes.get(namespaceRef, { signal })) === undefined,
        )
      })
    }
  }
}

interface Asked {
  readonly accept?: string
  readonly json?: unknown
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

class Unexpected extends Error {
  override readonly name = 'Unexpected'

  constructor({ status, body }: Answer) {
    super(`the answer was ${status}: ${body.slice(0, 200)}`)
  }
}

class TooLate extends Error {
  override readonly name = 'TooLate'
}

async function request(
  { door, signal }: StoryOptions,
  host: string,
  path: string,
  { accept, json }: Asked,
): Promise<Answer> {
  const { statusCode, headers, body } = await door.dispatcher.request({
    origin: door.url,
    path,
    method: json === undefined ? 'GET' : 'POST',
    headers: { host, accept: accept ?? 'text/html', ...(json !== undefined && { 'content-type': 'application/json' }) },
    body: json === undefined ? null : JSON.stringify(json),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_WITHIN_MS)]),
  })
  const retryAfter = headers['retry-after']
  return { status: statusCode, retryAfter: retryAfter?.toString(), body: await body.text() }
}

async function until(what: string, limitMs: number, signal: AbortSignal, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new TooLate(`${what} did not come within ${limitMs / 1000} s`)
    await sleep(POLL_MS, undefined, { signal })
  }
}
