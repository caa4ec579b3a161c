// The command as a person types it, on a cluster with nothing of ours.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'

const main = fileURLToPath(new URL('../../../local/doctor/main.ts', import.meta.url))

function doctor(...args: readonly string[]): Promise<{ readonly code: unknown; readonly output: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { timeout: 100_000 }, (error, stdout) =>
      done({ code: error === null ? 0 : error.code, output: stdout }),
    )
  })
}

describe('npm run doctor', () => {
  it('names what is missing before an installation, says how to mend it, and ends with 1', async () => {
    const { code, output } = await doctor('--kubeconfig', inject('kubeconfig'), '--before-install')
    expect(output).toMatch(/^ok {3}Kubernetes 1\./m)
    expect(output).toMatch(/^BAD {2}Knative Serving is not installed.*\n {5}→ https:\/\/knative\.dev/m)
    expect(output).toMatch(/\d+ good, \d+ bad, \d+ unknown\n$/)
    expect(output).not.toContain('Traefik does not run')
    expect(code).toBe(1)
  })

  it('says so when there is no cluster', async () => {
    const { code, output } = await doctor('--kubeconfig', '/nowhere/kubeconfig')
    expect(output).toMatch(/^BAD {2}the cluster does not answer: /)
    expect(code).toBe(1)
  })
})
