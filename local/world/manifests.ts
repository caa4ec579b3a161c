// The manifests a cluster would get, read from the very same files: manifests/base/kustomization.yaml and what it lists.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().exactOptional() }),
})
/** Any object of a manifest; the rest of its fields is there too. */
export type KubernetesObject = z.output<typeof object>

/** A plain kustomization: anything beyond `resources` would be overlooked here, so it is refused. */
const kustomization = z.strictObject({
  apiVersion: z.string().optional(),
  kind: z.literal('Kustomization').optional(),
  resources: z.array(z.string()),
})

export class ManifestError extends Error {
  override readonly name = 'ManifestError'
}

export async function readManifests(folder: string): Promise<readonly KubernetesObject[]> {
  const file = join(folder, 'kustomization.yaml')
  const { resources } = check(kustomization, parse(await readFile(file, 'utf8')), file)
  const objects = await Promise.all(resources.map((resource) => readFileObjects(join(folder, resource))))
  return objects.flat()
}

async function readFileObjects(file: string): Promise<readonly KubernetesObject[]> {
  return parseAllDocuments(await readFile(file, 'utf8')).flatMap((document) => {
    const [fault] = document.errors
    if (fault !== undefined) throw new ManifestError(`${file}: ${fault.message}`)
    const value: unknown = document.toJS()
    return value === null ? [] : [check(object, value, file)]
  })
}

function check<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ManifestError(`${file}: ${z.prettifyError(parsed.error)}`)
}
