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
  readonly objectRef?: { readonly resource?: string; readonly apiGroup?: string }
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

/** Without the query: a watch that is begun anew has another resourceVersion. */
function told({ user, verb, requestURI }: Line): string {
  return `${user.username} ${verb} ${requestURI.split('?')[0]}`
}

/** As the API server words it when it refuses. */
function worded({ user, verb, objectRef: { resource = '', apiGroup = '' } = {} }: Line): string {
  return `User "${user.username}" cannot ${verb} resource "${resource}" in API group "${apiGroup}"`
}

describe('rights', () => {
  it('were asked for, and none was refused for good to any function in everything above', async () => {
    const all = await calls()
    const accounts = new Set(all.map(({ user }) => user.username.split(':').at(-1)))
    expect([...accounts]).toEqual(expect.arrayContaining(['wake', 'sleep', 'scan-idle', 'provision']))
    const allowed = new Set(all.filter((call) => !isRefused(call)).map(told))
    // A RoleBinding holds some milliseconds after it was written, and an API server that has just started knows none yet
    // (disturbances.ts): who was too early has asked again.
    expect(
      all
        .filter(isRefused)
        .map(told)
        .filter((call) => !allowed.has(call)),
    ).toEqual([])
  })

  it('no log of ours says that something is forbidden, but for what was allowed at another moment', async () => {
    const allowed = (await calls()).filter((call) => !isRefused(call)).map(worded)
    const said = await logs(OUR_LOG)
    expect(said.size).toBeGreaterThan(3)
    const forbidden = [...said.values()].flat().filter((line) => /forbidden/i.test(line))
    const worst = forbidden.filter((line) => !allowed.some((words) => line.replaceAll('\\', '').includes(words)))
    expect(worst).toEqual([])
  })
})
