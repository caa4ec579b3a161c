// skaffold.yaml against skaffold's own schema, and against what it speaks of. That it deploys is for a machine with Docker.
import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { moduleFiles } from '#local/tools/modules.ts'
import { repository } from '#local/world/layout.ts'
import { render } from './render.ts'

const artifact = z.looseObject({
  image: z.string(),
  docker: z.looseObject({ dockerfile: z.string() }),
  sync: z.object({ manual: z.array(z.object({ src: z.string(), dest: z.string() })) }).optional(),
})
const verify = z.array(
  z.looseObject({
    container: z.looseObject({ name: z.string(), image: z.string(), args: z.array(z.string()) }),
    executionMode: z.object({ kubernetesCluster: z.object({ jobManifestPath: z.string() }) }),
  }),
)
const part = z.looseObject({
  build: z.looseObject({ artifacts: z.array(artifact), local: z.looseObject({ push: z.boolean() }) }),
  manifests: z.object({ kustomize: z.object({ paths: z.array(z.string()) }) }),
  verify: verify.optional(),
})
const activation = z.object({ kubeContext: z.string(), command: z.string().optional() })
const config = part.extend({
  apiVersion: z.string(),
  profiles: z.array(part.partial().extend({ name: z.string(), activation: z.array(activation) })),
})

const text = await readFile(join(repository, 'skaffold.yaml'), 'utf8')
const whole = config.parse(parse(text))
/** A profile's lists take the place of the ones above it. */
const variants = [
  { ...whole, name: 'no profile' },
  ...whole.profiles.map((profile) => ({
    name: profile.name,
    build: profile.build ?? whole.build,
    manifests: profile.manifests ?? whole.manifests,
    verify: profile.verify ?? whole.verify,
  })),
]

describe('skaffold.yaml', () => {
  let schema: object
  beforeAll(async () => {
    const [found = ''] = await moduleFiles('skaffold', 'docs-v2/content/en/schemas', /^v4beta14\.json$/)
    schema = JSON.parse(found) as object
  }, 300_000)

  it('is what skaffold’s own schema of this version allows', () => {
    expect(whole.apiVersion).toBe('skaffold/v4beta14')
    const ajv = new Ajv({ strict: false, allErrors: true })
    const validate = ajv.compile(schema)
    validate(parse(text))
    expect(validate.errors ?? []).toEqual([])
  })

  it('would be refused with a field that skaffold does not know', () => {
    const validate = new Ajv({ strict: false }).compile(schema)
    expect(validate({ ...(parse(text) as object), deployment: {} })).toBe(false)
  })

  it.each([
    ['kind-platxa', 'dev', ['kind-dev']],
    ['kind-platxa', 'run', ['kind']],
    ['kind-platxa', 'verify', ['kind']],
    ['do-fra1-platxa', 'run', ['doks']],
    ['do-fra1-platxa', 'verify', ['doks']],
    ['minikube', 'run', []],
  ])('in the context %s takes for `skaffold %s` the profiles %j', (context, command, names) => {
    const matches = (pattern: string | undefined, value: string): boolean =>
      pattern === undefined || new RegExp(`^(?:${pattern})$`).test(value)
    const active = whole.profiles.filter(({ activation: any }) =>
      any.some((one) => matches(one.kubeContext, context) && matches(one.command, command)),
    )
    expect(active.map(({ name }) => name)).toEqual(names)
  })

  it.each(variants)(
    '$name builds exactly the images of ours that its overlay runs',
    { timeout: 120_000 },
    async (one) => {
      const objects = (
        await Promise.all(one.manifests.kustomize.paths.map((path) => render(join(repository, path))))
      ).flat()
      const images = new Set(
        [...JSON.stringify(objects).matchAll(/"image":"([^"]*platxa[^"]*)"/g)].map(([, image]) => image),
      )
      expect(images).toEqual(new Set(one.build.artifacts.map(({ image }) => image)))
      // Knative asks no registry for the digest of kind.local; what is pushed is named by digest.
      for (const { image } of one.build.artifacts) expect(image.startsWith('kind.local/')).toBe(!one.build.local.push)
    },
  )

  it.each(variants)('$name speaks of files that exist', ({ build, verify: stories = [] }) => {
    for (const { docker, sync } of build.artifacts) {
      expect([docker.dockerfile, existsSync(join(repository, docker.dockerfile))]).toEqual([docker.dockerfile, true])
      for (const { src } of sync?.manual ?? []) expect(globSync(src, { cwd: repository }).length).toBeGreaterThan(0)
    }
    for (const { container, executionMode } of stories) {
      expect(existsSync(join(repository, executionMode.kubernetesCluster.jobManifestPath))).toBe(true)
      expect(build.artifacts.map(({ image }) => image)).toContain(container.image)
      expect(existsSync(join(repository, 'jobs', container.args[0] ?? '', 'main.ts'))).toBe(true)
    }
  })

  it('lets a copied file land where Dockerfile.dev has it', async () => {
    const dockerfile = await readFile(join(repository, 'Dockerfile.dev'), 'utf8')
    const [dev] = whole.profiles.filter(({ name }) => name === 'kind-dev')
    for (const { src, dest } of dev?.build?.artifacts[0]?.sync?.manual ?? []) {
      const folder = src.split('/')[0] ?? ''
      expect(dest).toBe('.') // the working folder
      expect(dockerfile).toContain(`COPY --chown=65532:65532 ${folder} ${folder}`)
    }
  })
})
