// Comes last (cluster.test.ts): by then the whole story has been told.
import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'

import { clusterFolder } from '#local/cluster/namespaces.ts'
import { auditLogPath } from '#local/control-plane/components.ts'

import { logs } from './logs.ts'

interface Line {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly responseStatus?: { readonly code?: number }
}

const OUR_LOG = /^(platxa|traefik-system|instance-[^_]+)_/
const OURS = /^system:serviceaccount:(platxa|traefik-system|instance-[^:]+):/

async function calls(): Promise<readonly Line[]> {
  const text = await readFile(auditLogPath(clusterFolder(process.env) ?? ''), 'utf8')
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  return lines.filter(({ user }) => OURS.test(user.username))
}

function isRefused({ responseStatus }: Line): boolean {
  return responseStatus?.code === 403
}

function told({ user, verb, requestURI }: Line): string {
  return `${user.username} ${verb} ${requestURI}`
}

describe('rights', () => {
  it('were asked for, and none was refused for good to any function in everything above', async () => {
    const all = await calls()
    const accounts = new Set(all.map(({ user }) => user.username.split(':').at(-1)))
    expect([...accounts]).toEqual(expect.arrayContaining(['wake', 'sleep', 'scan-idle', 'provision']))
    const allowed = new Set(all.filter((call) => !isRefused(call)).map(told))
    // a RoleBinding holds some milliseconds after it was written: who was too early has asked again
    expect(
      all
        .filter(isRefused)
        .map(told)
        .filter((call) => !allowed.has(call)),
    ).toEqual([])
  })

  it('no log of ours says that something is forbidden', async () => {
    const said = await logs(OUR_LOG)
    expect(said.size).toBeGreaterThan(3)
    expect([...said.values()].flat().filter((line) => /forbidden/i.test(line))).toEqual([])
  })
})
