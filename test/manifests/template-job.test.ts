// The Job that makes a template in a cluster, held against the code that does the same on one machine.
import { readFile } from 'node:fs/promises'
import type { Job } from 'kubernetes-types/batch/v1.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { series } from '#shared/instance/versions.ts'
import { templateFiles } from '#shared/template/files.ts'
import { DEFAULT_MODULES } from '#shared/template/modules.ts'

const job = parse(await readFile('manifests/jobs/template.yaml', 'utf8')) as Job
const pod = job.spec!.template.spec!
const [prepare, odoo] = pod.initContainers!
const [finish] = pod.containers

describe('manifests/jobs/template.yaml', () => {
  it('runs as the user of the image of Odoo, in all three containers', () => {
    const { uid, gid } = series['19']
    expect(pod.securityContext).toMatchObject({ runAsUser: uid, runAsGroup: gid, fsGroup: gid, runAsNonRoot: true })
  })

  it('asks for the same modules as the local world, before and after', () => {
    for (const { env = [] } of [prepare!, finish!]) {
      const modules = env.find(({ name }) => name === 'MODULES')?.value
      expect(modules?.split(',')).toEqual([...DEFAULT_MODULES])
    }
  })

  it('lets Odoo run the script that was prepared for it, in the folder that all three share', () => {
    const access = { host: 'h', port: 1, user: 'u', password: 'p', database: 'd' }
    const folder = prepare!.env!.find(({ name }) => name === 'FOLDER')!.value!
    const files = templateFiles({ access, sslmode: 'require', version: '19', modules: ['base'], folder })
    expect(odoo!.command).toEqual(['sh', `${folder}/build.sh`])
    expect(Object.keys(files)).toContain('build.sh')
    for (const { volumeMounts = [] } of [prepare!, odoo!, finish!]) {
      expect(volumeMounts).toContainEqual({ name: 'template', mountPath: folder })
    }
  })

  it('is prepared and finished by two ends of one program', () => {
    expect([prepare!.args, finish!.args]).toEqual([
      ['template', 'prepare'],
      ['template', 'finish'],
    ])
  })
})
