// The real main.ts of provision as a process of its own, with its own service account, and what it says of its steps.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import type { Kit, Started } from '../figure.ts'
import type { Cluster } from './cluster.ts'
import type { Database } from './database.ts'

export interface Provisioning {
  readonly process: Started
  /** Milliseconds from the moment the event is on its way until the pod has a node. */
  provision(instance: string): Promise<number>
  /** Seconds that all clones so far have taken together. */
  cloning(): Promise<number>
}

const main = fileURLToPath(new URL('../../../functions/provision/main.ts', import.meta.url))

export async function startProvisioning(kit: Kit, cluster: Cluster, database: Database): Promise<Provisioning> {
  const [port, metrics] = [await kit.freePort(), await kit.freePort()]
  const environment = {
    HOST: '127.0.0.1',
    PORT: port,
    METRICS_PORT: metrics,
    LOG_LEVEL: 'warn',
    DRAIN_DELAY: '1ms',
    BASE_DOMAIN: 'localhost',
    ODOO_IMAGE: 'odoo:{version}.0',
    PGHOST: database.host,
    PGPORT: database.port,
    PGSSLMODE: 'disable',
    PGUSER: database.login.user,
    PGPASSWORD: database.login.password,
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: cluster.controlPlane.port,
    SERVICE_ACCOUNT_DIR: await mountToken(kit, cluster),
  }
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const process = await kit.program('env', [...assignments, globalThis.process.execPath, main], port)
  return {
    process,
    async provision(instance) {
      const { headers, body } = encodeEvent(requestFor(instance))
      const from = performance.now()
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: body ?? null })
      const type = answer.headers.get('ce-type')
      const text = await answer.text()
      if (type !== 'io.platxa.instance.provisioned.v1') throw new Error(`${instance}: ${answer.status} ${text}`)
      return (await cluster.scheduled(instance)) - from
    },
    async cloning() {
      const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`, { signal: kit.signal })).text()
      const sum = /^platxa_provision_step_seconds_sum\{.*step="database".*\} (\S+)$/m.exec(text)?.[1]
      return Number(sum ?? 0)
    },
  }
}

function requestFor(name: string) {
  return makeEvent({
    type: 'io.platxa.instance.requested.v1',
    source: '//bench',
    id: name,
    data: { name, revision: 1, ownerId: 'bench', tier: 'free', odooVersion: '19', hosts: [`${name}.localhost`] },
  })
}

async function mountToken({ dir, signal }: Kit, { kubernetes, controlPlane }: Cluster): Promise<string> {
  const path = '/api/v1/namespaces/platxa/serviceaccounts/provision/token'
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } }
  const { status } = await kubernetes.request<{ status: { token: string } }>('POST', path, { body, signal })
  const mount = `${dir}/serviceaccount`
  mkdirSync(mount)
  writeFileSync(`${mount}/token`, status.token, { mode: 0o600 })
  writeFileSync(`${mount}/namespace`, 'platxa')
  copyFileSync(controlPlane.caFile, `${mount}/ca.crt`)
  return mount
}
