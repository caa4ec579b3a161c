// The one answer, in all four places: of an instance that provision made and that sleep looked at, in a real API server.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { rowOf } from '#local/console/instance-row.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { installManifests, within } from '#test/functions/provision/world.ts'
import { answering, sleepWorld, type Answering } from '#test/functions/sleep/world.ts'
import { allow, cluster, server, tokenOf } from '#test/world/cluster.ts'
import { postgres } from '#test/world/postgres.ts'

const main = fileURLToPath(new URL('../../../local/why/main.ts', import.meta.url))

interface Ran {
  readonly code: number
  readonly output: string
  readonly fault: string
}

/** As `npm run why` does, with nothing in the environment that leads to another cluster. */
function why(...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: tmpdir() }
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { env }, (error, output, fault) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, output, fault })
    })
  })
}

/** Of somebody who may read this one Deployment, and nothing else. */
async function kubeconfigFor(name: string): Promise<string> {
  const namespace = namespaceOf(name)
  const rules = [
    { apiGroups: ['apps'], resources: ['deployments'], resourceNames: [deploymentOf(name)], verbs: ['get'] },
  ]
  const token = await tokenOf(namespace, 'curious')
  await allow(namespace, 'curious', rules)
  const { server: url, ca } = await server()
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'curious' } }],
    clusters: [
      { name: 'test', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'curious', user: { token } }],
  }
  const folder = await mkdtemp(join(tmpdir(), 'platxa-why-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'kubeconfig')
  await writeFile(file, JSON.stringify(config))
  return file
}

interface Said {
  readonly apiVersion?: string
  readonly reason: string
  readonly note: string
}

/** The words of the last Kubernetes Event with this reason. */
async function eventOf(name: string, reason: string): Promise<string | undefined> {
  const kind = { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: namespaceOf(name) }
  const kubernetes = await cluster()
  const said = await Array.fromAsync(kubernetes.list<Said>(kind, { signal: within() }))
  return said.findLast((event) => event.reason === reason)?.note
}

describe('why it is awake or asleep', () => {
  beforeAll(() => installManifests())

  async function world(...replies: readonly Answering[]) {
    const made = await sleepWorld(await postgres(), ...replies)
    const kubeconfig = await kubeconfigFor(made.name)
    // A right takes effect some milliseconds after it was given.
    const asked = () => why(made.name, kubeconfig)
    const places = async (reason: string) => {
      const ran = await vi.waitFor(
        async () => {
          const one = await asked()
          if (one.fault !== '') throw new Error(one.fault)
          return one
        },
        { timeout: 60_000, interval: 500 },
      )
      const deployment = await made.now()
      const row = deployment && rowOf({ deployment, activities: [], now: made.clock.now, idleTimeoutMs: 900_000 })
      return {
        ran,
        words: deployment?.metadata?.annotations?.['platxa.io/why'] ?? '',
        event: await eventOf(made.name, reason),
        console: row?.why,
      }
    }
    return { ...made, places }
  }

  it('is said in the same words on the Deployment, in a Kubernetes Event, on the console and by npm run why', async () => {
    const { name, deliver, places } = await world(answering({ humanIdleMs: 60_000 }))
    await deliver()
    const { ran, words, event, console } = await places('SleepDeclined')
    expect(words).toMatch(
      /^Awake since .* UTC; woken by its first start after it was made .*; kept awake: somebody moved 60 s ago; sleeps at .* UTC at the earliest; last veto: presence at .* UTC$/,
    )
    expect(event).toBe(words)
    expect(console).toBe(words)
    expect(ran.output.split('\n')[0]).toBe(`${name}: ${words}`)
    expect(ran.code).toBe(0)
  })

  it('is so when it is asleep, with what sleeping has saved', async () => {
    const { name, deliver, places } = await world(answering())
    await deliver()
    const { ran, words, event, console } = await places('Slept')
    expect(words).toMatch(/^Asleep since .* UTC: nobody used it for 17 min; wakes at/)
    expect(event).toBe(words)
    expect(console).toBe(words)
    expect(ran.output).toBe(
      `${name}: ${words}\nSince it was made: 0 wakes (0 false: nobody asked for anything after it), 1 sleeps, awake for 1.0 h until the last one.\n`,
    )
  })

  it('is not said of an instance that is not there, nor to somebody who may not read it', async () => {
    const { name } = await world(answering())
    const kubeconfig = await kubeconfigFor(name)
    const other = await why('nobody-has-this-name', kubeconfig)
    expect(other).toMatchObject({ code: 1, output: '' })
    expect(other.fault).toMatch(/forbidden/)
    expect(await why('Not a name')).toMatchObject({ code: 2, output: '', fault: expect.stringMatching(/^usage:/) })
  })
})
