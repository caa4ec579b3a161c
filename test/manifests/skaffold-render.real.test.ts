// What skaffold itself makes of skaffold.yaml, where it is on the PATH: building it would take longer than all other programs together.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { programOf } from '#local/real-odoo/run.ts'
import { obtainTool } from '#local/tools/tools.ts'
import { repository } from '#local/world/layout.ts'

import { objectsIn, render } from './render.ts'

const LIMIT_MS = 180_000
const LARGE = 1 << 26
const skaffold = await programOf('skaffold')
const name = skaffold === undefined ? 'skaffold itself (skipped: there is none on the PATH)' : 'skaffold itself'

describe.skipIf(skaffold === undefined)(name, () => {
  let home = ''
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'platxa-skaffold-'))
    await mkdir(join(home, '.skaffold'))
    await writeFile(join(home, '.skaffold', 'config'), 'global:\n  collect-metrics: false\n')
  })
  afterAll(() => rm(home, { recursive: true, force: true }))

  async function say(...args: readonly string[]): Promise<string> {
    const signal = AbortSignal.timeout(LIMIT_MS)
    const kustomize = await obtainTool('kustomize', { tell: () => {}, signal })
    const PATH = [dirname(kustomize), process.env['PATH']].join(delimiter)
    const env = { PATH, HOME: home, SKAFFOLD_UPDATE_CHECK: 'false' }
    const options = { cwd: repository, env, signal, maxBuffer: LARGE }
    return (await promisify(execFile)(skaffold ?? '', args, options)).stdout
  }

  it('takes the file as it is', { timeout: LIMIT_MS }, async () => {
    expect(await say('diagnose', '--yaml-only')).toContain('name: platxa-functions')
  })

  it.each(['kind', 'kind-dev', 'doks'])(
    'renders for the profile %s what kustomize makes of its overlay',
    { timeout: LIMIT_MS },
    async (profile) => {
      const only = ['--profile', profile, '--profile-auto-activation=false']
      const output = join(home, `${profile}.yaml`)
      await say('render', ...only, '--digest-source=none', '--offline=true', '--output', output)
      expect(objectsIn(await readFile(output, 'utf8'))).toEqual(
        await render(join(repository, 'manifests', 'overlays', profile)),
      )
    },
  )
})
