// npm run check: what must hold before a change is shown to anybody, beside the tests.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '#local/world/layout.ts'

const checks: readonly (readonly [string, string, ...string[]])[] = [
  ['format', 'oxfmt', '--check'],
  ['types', 'tsc', '-p', '.'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['unused', 'knip'],
]

let failed = 0
for (const [name, command, ...args] of checks) {
  const startedAt = performance.now()
  const { status, stdout, stderr } = spawnSync(join(repository, 'node_modules/.bin', command), args, {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds} s`)
  if (status === 0) continue
  failed += 1
  console.log(`${stdout}${stderr}`.trimEnd())
}
console.log(`${checks.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
