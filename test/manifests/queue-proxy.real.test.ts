// Each function behind the very program that Knative puts before it: what it probes, how it drains, when it says 503.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { z } from 'zod'
import { obtainTool } from '#local/tools/tools.ts'
import { functionPod, hindrance, type FunctionPod } from '#test/world/queue-proxy.ts'
import { ofKind } from './base.ts'

const service = z.object({
  template: z.object({
    spec: z.object({
      containerConcurrency: z.number(),
      timeoutSeconds: z.number(),
      containers: z.tuple([
        z.object({
          readinessProbe: z.looseObject({ httpGet: z.object({ path: z.string(), port: z.number() }) }),
          env: z.array(z.object({ name: z.string(), value: z.string() })),
        }),
      ]),
    }),
  }),
})
const functions = ofKind('Service', 'serving.knative.dev/').map(({ metadata: { name }, spec }) => {
  const { containers, ...limits } = service.parse(spec).template.spec
  return { name, ...limits, ...containers[0] }
})
const knobs = z.record(z.string(), z.string()).parse(ofKind('ConfigMap')[0]?.['data'])

const reason = await hindrance()
/** The kubelet's, as Serving writes it into the pod. */
const probe = { headers: { 'k-network-probe': 'queue', 'user-agent': 'kube-probe/1.35' } }
/** Whole but for its data, so that it is answered when the body has been read, and before anybody is asked. */
const malformed = (name: string) => ({
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '//test',
    'ce-type': typeOf(name),
  },
  body: '{',
})
/** dead-letter takes whatever comes. */
const answers: Readonly<Record<string, number>> = { 'dead-letter': 204, 'relay-alerts': 422 }
const UNREADABLE = 400

function typeOf(name: string): string {
  const spec = z.object({
    filter: z.object({ attributes: z.object({ type: z.string() }) }),
    subscriber: z.object({ ref: z.object({ name: z.string() }) }),
  })
  const triggers = ofKind('Trigger').map((trigger) => spec.parse(trigger['spec']))
  const own = triggers.find(
    ({ filter, subscriber }) => subscriber.ref.name === name && filter.attributes.type.startsWith('io.'),
  )
  return own?.filter.attributes.type ?? 'io.platxa.instance.requested.v1'
}
/** Less than the manifests allow, so that few requests have to wait to reach it. */
const LIMIT = 5
/** More than some of them have: a crowded machine may take long to send so many requests. */
const PATIENCE_SECONDS = 300
const SOON = { timeout: 100_000, interval: 100 }

describe.skipIf(reason !== undefined)(`behind queue-proxy${reason === undefined ? '' : `: ${reason}`}`, () => {
  let account = ''
  let queueProxy = ''
  beforeAll(async () => {
    queueProxy = await obtainTool('queue-proxy', { tell: () => {}, signal: AbortSignal.timeout(600_000) })
    account = await mkdtemp(join(tmpdir(), 'platxa-account-'))
    const files = { token: 'none', namespace: 'platxa', 'ca.crt': rootCertificates[0] ?? '' }
    for (const [file, content] of Object.entries(files)) await writeFile(join(account, file), content)
  }, 600_000)
  afterAll(() => rm(account, { recursive: true, force: true }))

  const podOf = (one: (typeof functions)[number]): Promise<FunctionPod> =>
    functionPod({
      ...one,
      containerConcurrency: LIMIT,
      timeoutSeconds: PATIENCE_SECONDS,
      queueProxy,
      main: fileURLToPath(new URL(`../../functions/${one.name}/main.ts`, import.meta.url)),
      env: {
        ...knobs,
        ...Object.fromEntries(one.env.map(({ name, value }) => [name, value])),
        PGUSER: 'nobody',
        PGPASSWORD: 'nobody',
        // No event of this test gets as far as the API server.
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: '1',
        SERVICE_ACCOUNT_DIR: account,
      },
    })

  describe.concurrent.each(functions)('$name', { timeout: 200_000 }, (one) => {
    it('is ready when its own probe says so, answers, is 503 at its limit, and drains', async ({ expect }) => {
      await using pod = await podOf(one)
      const event = malformed(one.name)
      const answer = answers[one.name] ?? UNREADABLE
      const status = (asked: object): Promise<number> =>
        pod.ask('proxy', asked).then(
          (answer) => answer.status,
          () => 0,
        )
      pod.start('queue-proxy')
      await expect.poll(() => status(probe), SOON).toBe(503)
      pod.start('function')
      await expect.poll(() => status(probe), SOON).toBe(200)

      // What the function says comes through as it is.
      expect(await pod.ask('proxy', event)).toEqual(await pod.ask('function', event))
      expect(await status(event)).toBe(answer)

      // As many as it may work on, ten times as many that wait, and one that there is no place for.
      const release = new AbortController()
      const slow = { ...event, until: release.signal }
      const said: number[] = []
      const asked = Array.from({ length: LIMIT * 11 + 1 }, () => status(slow).then((one) => (said.push(one), one)))
      await expect.poll(() => said, SOON).toEqual([503])
      release.abort()
      const refused = (await Promise.all(asked)).filter((said) => said !== answer)
      expect(refused).toEqual([503])

      // As the kubelet ends a pod: both at once, and the function hears of it when the drain is over.
      const drained = pod.ask('admin', { path: '/wait-for-drain' })
      pod.terminate('queue-proxy')
      await expect.poll(() => status(probe), SOON).toBe(503)
      expect(await status(event)).toBe(answer)
      expect((await drained).status).toBe(200)
      expect(pod.ended('function')).toBeUndefined()
      pod.terminate('function')
      await expect.poll(() => [pod.ended('queue-proxy'), pod.ended('function')], SOON).toEqual([0, 0])
    })
  })
})
