// A function behind Knative's real queue-proxy, with the settings that Knative Serving would give it for our manifest.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { z } from 'zod'

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Sends the head and keeps the body to itself until the signal. */
  readonly until?: AbortSignal
}

export interface FunctionPod extends AsyncDisposable {
  start(program: 'function' | 'queue-proxy'): void
  terminate(program: 'function' | 'queue-proxy'): void
  /** `proxy` is where Knative sends requests, `admin` what the kubelet calls before it ends the container. */
  ask(port: 'proxy' | 'admin' | 'function', asked?: Asked): Promise<Answer>
  /** How a program ended; undefined while it runs. */
  ended(program: 'function' | 'queue-proxy'): number | string | undefined
}

export interface PodSettings {
  readonly queueProxy: string
  readonly main: string
  readonly env: Readonly<Record<string, string>>
  readonly containerConcurrency: number
  readonly timeoutSeconds: number
  readonly readinessProbe: { readonly httpGet: { readonly path: string } }
}

const PORTS = { proxy: 8012, admin: 8022, function: 8080 } as const
/** A network of its own needs no root where the system lets users have namespaces. */
const ALONE = ['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] as const

/** Why there can be no such pod here, or undefined. */
export async function hindrance(): Promise<string | undefined> {
  const [command, ...args] = [...ALONE, 'true']
  return promisify(execFile)(command, args).then(
    () => undefined,
    (error: unknown) => `no network namespace (${String(error).split('\n')[0]})`,
  )
}

export async function functionPod(settings: PodSettings): Promise<FunctionPod> {
  const folder = await mkdtemp(join(tmpdir(), 'platxa-pod-'))
  const programs = {
    function: {
      command: [process.execPath, settings.main],
      env: { ...settings.env, PORT: String(PORTS.function), K_SERVICE: 'f', K_REVISION: 'f-1', K_CONFIGURATION: 'f' },
    },
    'queue-proxy': { command: [settings.queueProxy], env: proxyEnvironment(settings) },
  }
  const script = fileURLToPath(new URL('queue-proxy-pod.ts', import.meta.url))
  const [command, ...args] = [...ALONE, process.execPath, script, JSON.stringify({ folder, ports: PORTS, programs })]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const said = listenTo(child)
  // Not `expect.poll`: tests that run side by side have an `expect` of their own each.
  await vi.waitUntil(said.ready, { timeout: 60_000 })
  return {
    start: (program) => void child.send({ program, order: 'start' }),
    terminate: (program) => void child.send({ program, order: 'SIGTERM' }),
    ask: (port, asked = {}) => ask(join(folder, port), asked),
    ended: said.ended,
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await new Promise((done) => child.once('exit', done))
      await rm(folder, { recursive: true })
    },
  }
}

/** What Serving writes into the pod (pkg/reconciler/revision/resources/queue.go). */
function proxyEnvironment(settings: PodSettings): Record<string, string> {
  return {
    CONTAINER_CONCURRENCY: String(settings.containerConcurrency),
    QUEUE_SERVING_PORT: String(PORTS.proxy),
    QUEUE_SERVING_TLS_PORT: '8112',
    USER_PORT: String(PORTS.function),
    REVISION_TIMEOUT_SECONDS: String(settings.timeoutSeconds),
    REVISION_RESPONSE_START_TIMEOUT_SECONDS: String(settings.timeoutSeconds),
    SERVING_READINESS_PROBE: JSON.stringify(probeOf(settings)),
    SERVING_LOGGING_CONFIG: '',
    SERVING_LOGGING_LEVEL: 'error',
    SERVING_NAMESPACE: 'platxa',
    SERVING_CONFIGURATION: 'f',
    SERVING_REVISION: 'f-1',
    SERVING_POD: 'f-1-deployment-0',
    SERVING_POD_IP: '127.0.0.1',
    SYSTEM_NAMESPACE: 'knative-serving',
  }
}

/** With what Serving adds to the probe of a manifest. */
function probeOf({ readinessProbe }: PodSettings): object {
  const httpGet = { ...readinessProbe.httpGet, host: '127.0.0.1', port: PORTS.function, scheme: 'HTTP' }
  return { ...readinessProbe, successThreshold: 1, httpGet }
}

function listenTo(child: ChildProcess) {
  const message = z.union([
    z.object({ event: z.literal('ready') }),
    z.object({ event: z.literal('ended'), program: z.string(), how: z.union([z.number(), z.string()]) }),
  ])
  let ready = false
  const ends = new Map<string, number | string>()
  child.on('message', (value) => {
    const said = message.parse(value)
    if (said.event === 'ready') ready = true
    else ends.set(said.program, said.how)
  })
  return { ready: () => ready, ended: (program: string) => ends.get(program) }
}

async function ask(
  socketPath: string,
  { method = 'GET', path = '/', headers = {}, body, until }: Asked,
): Promise<Answer> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const asking = httpRequest({ socketPath, method, path, agent: false, headers: { host: 'f', ...length, ...headers } })
  const answering = once(asking, 'response') as Promise<[IncomingMessage]>
  if (until === undefined) asking.end(body)
  else {
    asking.flushHeaders()
    until.addEventListener('abort', () => asking.end(body), { once: true })
    // Who is refused before has hung up by then.
    asking.on('error', () => {})
  }
  const [response] = await answering
  return { status: response.statusCode ?? 0, body: await text(response) }
}
