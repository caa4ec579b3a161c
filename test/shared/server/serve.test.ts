import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'

interface Fixture {
  readonly child: ChildProcess
  readonly lines: Record<string, unknown>[]
  readonly port: number
  readonly metricsPort: number
  readonly exited: Promise<number | null>
}

const children: ChildProcess[] = []
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))

function start(env: Record<string, string>): {
  child: ChildProcess
  lines: Record<string, unknown>[]
  exited: Promise<number | null>
} {
  const child = spawn(process.execPath, [new URL('serve.fixture.ts', import.meta.url).pathname], {
    env: { HOST: '127.0.0.1', PORT: '0', METRICS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines: Record<string, unknown>[] = []
  createInterface({ input: child.stdout }).on('line', (line) => void lines.push(JSON.parse(line)))
  return { child, lines, exited: once(child, 'close').then(([code]) => code as number | null) }
}

async function running(env: Record<string, string> = {}): Promise<Fixture> {
  const { child, lines, exited } = start({ PGPASSWORD: 'hunter2', SLOW_MS: '600', DRAIN_DELAY: '300ms', ...env })
  const listening = () => lines.find((line) => line['message'] === 'listening')
  await expect.poll(listening).toBeDefined()
  const { port, metricsPort } = listening() as unknown as { port: number; metricsPort: number }
  return { child, lines, exited, port, metricsPort }
}

const get = (port: number, path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)

/** One request over a keep-alive agent, as a queue-proxy or a load balancer sends it. */
async function ask(agent: Agent, port: number, path: string): Promise<string> {
  const sent = request({ agent, port, host: '127.0.0.1', path }).end()
  const [response] = (await once(sent, 'response')) as [Parameters<typeof text>[0]]
  return text(response)
}

describe('shared/server/serve', () => {
  it('answers the probes and serves metrics on their own port', async () => {
    const { port, metricsPort } = await running()
    expect((await get(port, '/health/liveness')).status).toBe(200)
    expect((await get(port, '/health/readiness')).status).toBe(200)
    expect((await get(port, '/metrics')).status).toBe(404)
    expect(await (await get(metricsPort, '/metrics')).text()).toContain('nodejs_version_info')
  })

  it('logs the environment it goes by, without secrets', async () => {
    const { lines } = await running()
    expect(lines.find((line) => line['message'] === 'starting')).toMatchObject({
      function: 'fixture',
      env: { PORT: 0, DRAIN_DELAY: 300, SLOW_MS: 600, PGPASSWORD: '[hidden]' },
    })
  })

  it('leaves with 1 before it listens when the environment is wrong, and names every variable', async () => {
    const { lines, exited } = start({ PORT: 'x', DRAIN_DELAY: 'soon' })
    expect(await exited).toBe(1)
    expect(lines).toMatchObject([{ level: 'error', message: 'could not start' }])
    const faults = lines[0]?.['faults'] as string[]
    expect(new Set(faults.map((fault) => fault.split(' ')[0]))).toEqual(
      new Set(['DRAIN_DELAY', 'PGPASSWORD', 'PORT', 'SLOW_MS']),
    )
  })

  it('leaves with 1 when its port is taken', async () => {
    const { port } = await running()
    const { lines, exited } = start({ PORT: String(port), PGPASSWORD: 'x', SLOW_MS: '1' })
    expect(await exited).toBe(1)
    expect(lines.at(-1)).toMatchObject({ level: 'error', error: { message: expect.stringContaining('EADDRINUSE') } })
  })

  it('loses no request on SIGTERM under load', { timeout: 60_000 }, async () => {
    const { child, port, exited, lines } = await running({ DRAIN_DELAY: '3s' })
    const agent = new Agent({ keepAlive: true, maxSockets: 40 })
    const answers: Promise<string>[] = []
    const routed = new AbortController()
    const load = async (path: string): Promise<void> => {
      while (!routed.signal.aborted) {
        const answer = ask(agent, port, path)
        answers.push(answer)
        await answer.catch(() => undefined)
      }
    }
    const clients = [
      ...Array.from({ length: 10 }, () => load('/fast')),
      ...Array.from({ length: 5 }, () => load('/slow')),
    ]
    const streams = Array.from({ length: 3 }, () => ask(agent, port, '/stream'))
    await sleep(300)
    child.kill('SIGTERM')
    await expect.poll(async () => (await get(port, '/health/readiness')).status, { interval: 5 }).toBe(503)
    expect((await get(port, '/health/liveness')).status).toBe(200)
    // Proxies hear of it a moment later and go on sending until then.
    await sleep(200)
    routed.abort()
    await Promise.all(clients)
    const outcomes = await Promise.allSettled([...answers, ...streams])
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(outcomes.length).toBeGreaterThan(50)
    expect(new Set(outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value))).toEqual(
      new Set(['fast', 'slow', 'piece'.repeat(10)]),
    )
    expect(await exited).toBe(0)
    expect(lines.slice(-3)).toMatchObject([
      { message: 'stopping', signal: 'SIGTERM' },
      { message: 'closed what was opened last' },
      { message: 'closed what was opened first', aborted: true },
    ])
    agent.destroy()
  })

  it('keeps idle connections longer than those who open them', async () => {
    const { port } = await running()
    expect((await get(port, '/fast')).headers.get('keep-alive')).toBe('timeout=120')
  })

  it('does not wait for keep-alive connections that say nothing', async () => {
    const { child, port, exited } = await running({ DRAIN_DELAY: '0s' })
    const agent = new Agent({ keepAlive: true })
    await ask(agent, port, '/fast')
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    agent.destroy()
  })

  it('leaves with 1 when a connection does not close', { timeout: 30_000 }, async () => {
    const { child, exited, lines } = await running({ DRAIN_DELAY: '0s', HANGS: 'on' })
    child.kill('SIGTERM')
    expect(await exited).toBe(1)
    expect(lines.at(-1)).toMatchObject({
      message: 'could not stop cleanly',
      error: { message: 'closing connections took longer than 5000 ms' },
    })
  })

  it('leaves on Ctrl-C the same way', async () => {
    const { child, exited } = await running({ DRAIN_DELAY: '0s' })
    child.kill('SIGINT')
    expect(await exited).toBe(0)
  })
})
