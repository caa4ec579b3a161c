// manifests/base as the files say it, for tests that hold it against the code and against a real API server.
import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

const directory = new URL('../../manifests/base/', import.meta.url)

export interface BaseManifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
})

export const base: readonly BaseManifest[] = (
  await Promise.all((await listedFiles()).map((file) => documentsOf(file)))
).flat()

export async function listedFiles(): Promise<readonly string[]> {
  const [list] = await documents('kustomization.yaml')
  return z.object({ resources: z.array(z.string()) }).parse(list).resources
}

/** Knative's kinds need its CRDs; a bare API server does not know them. */
export function isKnative({ apiVersion }: BaseManifest): boolean {
  return apiVersion.includes('knative.dev/')
}

export function ofKind(kind: string, apiGroup = ''): readonly BaseManifest[] {
  return base.filter((object) => object.kind === kind && object.apiVersion.startsWith(apiGroup))
}

async function documentsOf(file: string): Promise<readonly BaseManifest[]> {
  return (await documents(file)).map((document) => manifest.parse(document) as BaseManifest)
}

/** Throws at the first YAML fault with its file and line; a duplicate key is one. */
async function documents(file: string): Promise<readonly unknown[]> {
  const parsed = parseAllDocuments(await readFile(new URL(file, directory), 'utf8'))
  return Array.from(parsed, (document) => {
    for (const error of document.errors) throw new Error(`manifests/base/${file}: ${error.message}`)
    return document.toJS() as unknown
  })
}
