// Comes last (cluster.test.ts): by then the whole story has been told.
import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'

import { clusterFolder } from '#local/cluster/namespaces.ts'
import { auditLogPath } from '#local/control-plane/components.ts'

interface Line {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly responseStatus?: { readonly code?: number }
}

const OURS = /^system:serviceaccount:(platxa|traefik-system|instance-[^:]+):/

async function calls(): Promise<readonly Line[]> {
  const text = await readFile(auditLogPath(clusterFolder(process.env) ?? ''), 'utf8')
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  return lines.filter(({ user }) => OURS.test(user.username))
}

describe('rights', () => {
  it('were asked for, and none was refused to any function in everything above', async () => {
    const all = await calls()
    const accounts = new Set(all.map(({ user }) => user.username.split(':').at(-1)))
    expect([...accounts]).toEqual(expect.arrayContaining(['wake', 'sleep', 'scan-idle', 'provision']))
    const refused = all.filter(({ responseStatus }) => responseStatus?.code === 403)
    expect(refused.map(({ user, verb, requestURI }) => `${user.username} ${verb} ${requestURI}`)).toEqual([])
  })
})
