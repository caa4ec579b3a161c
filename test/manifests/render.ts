// Overlays as kustomize makes them, and what others (Knative, Traefik, cert-manager, the Prometheus operator) say of their
// own kinds.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments, stringify } from 'yaml'
import { z } from 'zod'
import { moduleFiles } from '#local/tools/modules.ts'
import { obtainTool } from '#local/tools/tools.ts'
import type { Manifest } from '#shared/k8s/kubernetes.ts'

export const manifestsFolder = fileURLToPath(new URL('../../manifests/', import.meta.url))
const LIMIT_MS = 300_000
const LARGE = 64 * 1024 * 1024

const rendered = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
})
export type Rendered = z.output<typeof rendered>

export async function render(folder: string): Promise<readonly Rendered[]> {
  const kustomize = await obtainTool('kustomize', { tell: () => {}, signal: AbortSignal.timeout(LIMIT_MS) })
  const { stdout } = await promisify(execFile)(kustomize, ['build', folder], { maxBuffer: LARGE })
  return objectsIn(stdout)
}

/** An overlay with components of ours, as somebody's own kustomization outside of this repository would have it. */
export async function renderWith(overlay: string, components: readonly string[]): Promise<readonly Rendered[]> {
  const folder = await mkdtemp(join(tmpdir(), 'platxa-overlay-'))
  const way = (part: string): string => relative(folder, join(manifestsFolder, part))
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [way(overlay)],
    components: components.map((name) => way(`components/${name}`)),
  }
  try {
    await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization))
    return await render(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Those of the Prometheus operator that describe whole servers are huge, and nobody speaks of them here. */
const definitions = [
  ['eventing', 'config/core/resources', /\.yaml$/],
  ['serving', 'config/core/300-resources', /\.yaml$/],
  ['networking', 'config', /\.yaml$/],
  ['traefik', 'docs/content/reference/dynamic-configuration', /^traefik\.io_.*\.yaml$/],
  ['cert-manager', 'deploy/crds', /\.yaml$/],
  ['prometheus-operator', 'example/prometheus-operator-crd', /_(podmonitors|prometheusrules|servicemonitors)\.yaml$/],
] as const

const definitionSpec = z.looseObject({ versions: z.array(z.looseObject({ name: z.string(), storage: z.boolean() })) })

/**
 * The real definitions, but for their conversion webhooks: nobody answers those here. So what is stored is the version that
 * we speak, the first of each list, or fields of it would be lost.
 */
export async function definitionsOfOthers(): Promise<readonly Manifest[]> {
  const texts = await Promise.all(definitions.map(([module, folder, files]) => moduleFiles(module, folder, files)))
  const found = texts
    .flat()
    .flatMap(objectsIn)
    .filter(({ kind }) => kind === 'CustomResourceDefinition')
  return found.map(({ apiVersion, kind, metadata, ...rest }) => {
    const { versions, ...spec } = definitionSpec.parse(rest['spec'])
    const stored = versions.map((version, at) => ({ ...version, storage: at === 0 }))
    return {
      apiVersion,
      kind,
      metadata: { name: metadata.name },
      spec: { ...spec, versions: stored, conversion: { strategy: 'None' } },
    }
  })
}

export function objectsIn(text: string): readonly Rendered[] {
  return Array.from(parseAllDocuments(text), (document) => document.toJS() as unknown)
    .filter((value) => value !== null)
    .map((value) => rendered.parse(value))
}
