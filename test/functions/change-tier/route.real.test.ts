import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runningPod } from '#functions/change-tier/resize.ts'
import { deploymentRef } from '#shared/cluster/refs.ts'
import { annotationKeys, databaseOf, namespaceOf } from '#shared/instance/names.ts'
import type { Ref } from '#shared/k8s/kubernetes.ts'
import {
  installManifests,
  instanceName,
  objectOf,
  objectsOf,
  request,
  within,
} from '#test/functions/provision/world.ts'
import { rows } from '#test/shared/postgres/tenant.ts'
import { cluster } from '#test/world/cluster.ts'
import { mortal } from '#test/world/crash.ts'
import {
  deploymentOf,
  everythingOf,
  life,
  scale,
  slept,
  statusApplied,
  statusChanged,
  tierChanged,
  type Life,
} from '#test/world/life.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'

const APPLIED = 'io.platxa.instance.tier.applied.v1'

describe('change-tier, the whole way', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  /** An instance that was just made, and is awake for its first boot. */
  async function world(changes: Record<string, unknown> = {}): Promise<Life & { readonly name: string }> {
    const name = instanceName()
    const here = life(postgres)
    await here.deliver(request(name, changes))
    return { ...here, name }
  }

  /** The tier as each object that has a part of it says. */
  async function tierOf(name: string): Promise<object> {
    const ini = (await objectOf(name, 'ConfigMap', 'odoo-config'))?.data ?? {}
    const [limits] = await rows<{ role: number }>(
      postgres.root,
      'SELECT rolconnlimit AS role FROM pg_roles WHERE rolname = $1',
      [databaseOf(name)],
    )
    const deployment = await (await cluster()).get<Deployment>(deploymentRef(name), { signal: within() })
    return {
      labels: [...new Set((await objectsOf(name)).map(({ metadata }) => metadata.labels?.['platxa.io/resource-tier']))],
      memory: deployment?.spec?.template.spec?.containers[0]?.resources?.limits?.['memory'],
      workers: /^workers = (\d+)$/m.exec(ini['odoo.conf'] ?? '')?.[1],
      websocket: await objectOf(name, 'Service', `odoo-${name}`).then(targetOf),
      quota: await objectOf(name, 'ResourceQuota', 'instance-quota').then(hardOf),
      limits,
    }
  }
  // RoleBindings have no tier.
  const pro = {
    labels: ['pro', undefined],
    memory: '1Gi',
    workers: '2',
    websocket: 8072,
    quota: '1296Mi',
    limits: { role: 48 },
  }
  const free = {
    labels: ['free', undefined],
    memory: '512Mi',
    workers: '0',
    websocket: 8069,
    quota: '784Mi',
    limits: { role: 20 },
  }
  const toPro = (name: string, apply: 'now' | 'when-asleep', revision = 2) =>
    tierChanged(name, { revision, tier: 'pro', apply })

  it('changes everything at once while the instance is asleep, and leaves it asleep', async () => {
    const { name, deliver } = await world()
    expect(await tierOf(name)).toEqual(free)
    await scale(name, 0)
    expect(await deliver(toPro(name, 'when-asleep'))).toMatchObject({
      status: 200,
      type: APPLIED,
      data: { name, revision: 2, tier: 'pro', restarted: false },
    })
    expect(await tierOf(name)).toEqual(pro)
    expect(await deploymentOf(name)).toMatchObject({ spec: { replicas: 0 } })
    expect((await objectsOf(name))[0]?.metadata.annotations).toMatchObject({ [annotationKeys.revision]: '2' })
  })

  it.each([
    ['upwards', 'free', 'pro', ['ResourceQuota', 'LimitRange', 'ConfigMap', 'Service', 'Deployment']],
    ['downwards', 'pro', 'free', ['ConfigMap', 'Service', 'Deployment', 'LimitRange', 'ResourceQuota']],
  ] as const)('writes %s in the order that always leaves room', async (_, from, to, order) => {
    const { name, deliver, hands } = await world({ tier: from })
    const process = mortal(await hands('change-tier'))
    expect(await deliver(tierChanged(name, { revision: 2, tier: to, apply: 'now' }), process)).toMatchObject({
      type: APPLIED,
      data: { restarted: true },
    })
    const kinds = process.writes.flatMap((write) => /^apply (\w+)/.exec(write)?.[1] ?? [])
    const said: readonly string[] = order
    expect([...new Set(kinds.filter((kind) => said.includes(kind)))]).toEqual(order)
    expect(await tierOf(name)).toEqual(to === 'pro' ? pro : free)
  })

  it('waits for the sleep of an awake one when it may, and then is told', async () => {
    const { name, deliver } = await world()
    expect(await deliver(toPro(name, 'when-asleep'))).toMatchObject({ status: 204 })
    expect(await tierOf(name)).toEqual(free)
    const marks = async () => (await objectsOf(name))[0]?.metadata.annotations ?? {}
    expect(await marks()).toMatchObject({
      [annotationKeys.spec]: expect.stringContaining('"pendingTier":{"tier":"pro","revision":2'),
      [annotationKeys.revision]: '1',
    })
    // Woken again before the event came.
    expect(await deliver(slept(name))).toMatchObject({ status: 204 })
    expect(await tierOf(name)).toEqual(free)
    await scale(name, 0)
    const told = await deliver(slept(name))
    expect(told).toMatchObject({ type: APPLIED, data: { revision: 2, tier: 'pro', restarted: false } })
    expect(await tierOf(name)).toEqual(pro)
    expect(await marks()).toMatchObject({ [annotationKeys.revision]: '2' })
    expect(await deliver(slept(name))).toEqual(told)
    expect(await deliver(slept(name, 'the next night'))).toMatchObject({ status: 204 })
  })

  it('takes a suspension for a sleep', async () => {
    const { name, deliver } = await world()
    await deliver(toPro(name, 'when-asleep'))
    const suspended = await deliver(statusChanged(name, { revision: 3, status: 'suspended' }))
    expect(suspended).toMatchObject({ type: 'io.platxa.instance.status.applied.v1' })
    expect(await deliver(statusApplied(name, 3))).toMatchObject({ type: APPLIED, data: { revision: 2 } })
    expect(await tierOf(name)).toEqual(pro)
  })

  it('says the same a second time, and changes nothing', async () => {
    const { name, deliver } = await world()
    await scale(name, 0)
    const first = await deliver(toPro(name, 'now'))
    const before = await everythingOf(name, postgres)
    expect(await deliver(toPro(name, 'now'))).toEqual(first)
    expect(await everythingOf(name, postgres)).toEqual(before)
    expect(await deliver(tierChanged(name, { revision: 1, tier: 'team', apply: 'now' }))).toMatchObject({ status: 204 })
  })

  it('comes again for an instance that is not there yet', async () => {
    const { deliver } = life(postgres)
    expect(await deliver(toPro(instanceName(), 'now'))).toMatchObject({ status: 503 })
  })

  describe('of the same number of workers, now', () => {
    /** As an older price list made it: its pod has less memory, and a kubelet has started it. */
    async function smaller() {
      const here = await world({ tier: 'pro' })
      const { name } = here
      const kubernetes = await cluster()
      const resources = { requests: { cpu: '250m', memory: '768Mi' }, limits: { cpu: '1', memory: '768Mi' } }
      const patch = { spec: { template: { spec: { containers: [{ name: 'odoo', resources }] } } } }
      await kubernetes.patch(deploymentRef(name), patch, { type: 'strategic', signal: within() })
      const small = async () => {
        const pod = await runningPod(kubernetes, name, within())
        return pod?.spec?.containers[0]?.resources?.limits?.['memory'] === '768Mi' ? pod : undefined
      }
      await expect.poll(small, { timeout: 30_000 }).toBeDefined()
      const pod = await small()
      const ref: Ref = { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name), name: pod?.metadata?.name ?? '' }
      const report = (status: object) =>
        kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal: within() })
      const started = (actual: object) => [
        {
          name: 'odoo',
          ready: true,
          restartCount: 0,
          image: 'odoo:19.0',
          imageID: 'x',
          state: { running: {} },
          resources: actual,
        },
      ]
      await report({ phase: 'Running', containerStatuses: started(resources) })
      const podNow = () => kubernetes.get<Pod>(ref, { signal: within() })
      /** A kubelet that reports this as soon as the pod is to be larger. */
      const kubelet = async (status: object) => {
        await expect
          .poll(async () => (await podNow())?.spec?.containers[0]?.resources, { timeout: 30_000 })
          .toEqual(larger)
        await report(status)
      }
      return { ...here, pod, podNow, kubelet, started }
    }
    const larger = { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } }

    it('resizes the running pod in place, and changes its Deployment when it sleeps', async () => {
      const { name, deliver, pod, podNow, kubelet, started } = await smaller()
      const [answer] = await Promise.all([deliver(toPro(name, 'now')), kubelet({ containerStatuses: started(larger) })])
      expect(answer).toMatchObject({ type: APPLIED, data: { tier: 'pro', restarted: false } })
      expect((await podNow())?.metadata?.uid).toBe(pod?.metadata?.uid)
      expect(await tierOf(name)).toMatchObject({ memory: '768Mi', quota: '1296Mi', limits: { role: 48 } })
      expect(await deliver(toPro(name, 'now'))).toEqual(answer)
      await scale(name, 0)
      expect(await deliver(slept(name))).toMatchObject({ status: 204 })
      expect(await tierOf(name)).toEqual(pro)
    })

    it.each(['Infeasible', 'Deferred'])('restarts it when the kubelet finds the resize %s', async (reason) => {
      const { name, deliver, kubelet } = await smaller()
      const condition = { type: 'PodResizePending', status: 'True', reason, message: 'Node has no room' }
      const [answer] = await Promise.all([deliver(toPro(name, 'now')), kubelet({ conditions: [condition] })])
      expect(answer).toMatchObject({ type: APPLIED, data: { restarted: true } })
      expect(await tierOf(name)).toEqual(pro)
    })
  })
})

function targetOf(service: unknown): unknown {
  return shape.parse(service).spec.ports?.find(({ port }) => port === 8072)?.targetPort
}

function hardOf(quota: unknown): unknown {
  return shape.parse(quota).spec.hard?.['requests.memory']
}

const shape = z.object({
  spec: z.object({
    ports: z.array(z.object({ port: z.number(), targetPort: z.number() })).optional(),
    hard: z.record(z.string(), z.string()).optional(),
  }),
})
