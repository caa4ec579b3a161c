// A wake replica as its own process, the way its image starts it.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inject, onTestFinished } from 'vitest'
import { until } from './client.ts'

export interface Process {
  readonly child: ChildProcess
  readonly port: number
  readonly controlPort: number
  readonly lines: string[]
  readonly exited: Promise<unknown[]>
}

export const main = fileURLToPath(import.meta.resolve('#functions/wake/main.ts'))

export async function startProcess(env: Readonly<Record<string, string>> = {}): Promise<Process> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      KUBECONFIG: inject('kubeconfig'),
      HOST: '127.0.0.1',
      PORT: '0',
      CONTROL_PORT: '0',
      METRICS_PORT: '0',
      DRAIN_DELAY: '300ms',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  await until(() => lines.some((line) => line.includes('"listening"')) || child.exitCode !== null, 110_000)
  const { ports } = JSON.parse(lines.find((line) => line.includes('"listening"')) ?? '{}')
  const exited = once(child, 'exit')
  await until(async () => (await health(ports.port, env['HOST'])) === 204, 60_000)
  return { child, ...ports, lines, exited }
}

export async function health(port: number, host = '127.0.0.1'): Promise<number> {
  return fetch(`http://${host}:${port}/health/readiness`).then(
    ({ status }) => status,
    () => 0,
  )
}
