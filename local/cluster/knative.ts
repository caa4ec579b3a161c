// Knative from its own Go modules: programs as images of ours, manifests as the modules bring them.
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type { ImageSpec } from '#local/image/oci.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

import { programImage, REGISTRY } from './images.ts'
import { type AnyObject, Applier, parseObjects, yamlFiles } from './objects.ts'
import { KNATIVE, ofKnative, type Program } from './programs.ts'
import { untilReady } from './ready.ts'

/** Not used here, or in need of a metrics server. */
const LEFT_OUT = /hpa|job-sink\.yaml|request-reply\.yaml|-tls/
const TRAEFIK_CLASS = 'traefik.ingress.networking.knative.dev'

export function knativeImages(folder: string): readonly ImageSpec[] {
  return KNATIVE.map((program) => programImage(imageOf(program), join(folder, program.name)))
}

function imageOf({ name }: Program): string {
  return `${REGISTRY}/${name}:1`
}

export interface KnativeOf {
  readonly kubernetes: Kubernetes
  /** Module → its folder in Go's module cache. */
  readonly sources: Readonly<Record<'eventing' | 'serving' | 'networking' | 'caching', string>>
  /** Domain of public Services. */
  readonly domain: string
  readonly signal: AbortSignal
}

export async function installEventing({ kubernetes, sources, signal }: KnativeOf): Promise<void> {
  const config = join(sources.eventing, 'config')
  const core = await objectsIn(
    join(config, 'core'),
    join(config, 'channels', 'in-memory-channel'),
    join(config, 'brokers', 'mt-channel-broker'),
  )
  // without these definitions the controller does not start; their file lacks separators
  const folder = join(sources.eventing, 'third_party', 'eventing-integrations-latest')
  const texts = await Promise.all((await yamlFiles(folder)).map((file) => readFile(file, 'utf8')))
  const integrations = texts.flatMap((text) => parseObjects(text.replaceAll(/^apiVersion: v1$/gm, '---\n$&')))
  await new Applier(kubernetes, signal).apply([...core, ...integrations])
  await untilReady(kubernetes, 'knative-eventing', signal)
}

export async function installServing({ kubernetes, sources, domain, signal }: KnativeOf): Promise<void> {
  const folders = [join(sources.serving, 'config', 'core'), ...[sources.networking, sources.caching].map(configOf)]
  const objects = (await objectsIn(...folders)).map((object) => withSettings(object, domain))
  await new Applier(kubernetes, signal).apply(objects)
  await untilReady(kubernetes, 'knative-serving', signal)
}

function configOf(source: string): string {
  return join(source, 'config')
}

function withSettings(object: AnyObject, domain: string): AnyObject {
  const settings: Readonly<Record<string, Record<string, string>>> = {
    'config-network': { 'ingress-class': TRAEFIK_CLASS },
    'config-domain': { [domain]: '' },
  }
  const own = object.kind === 'ConfigMap' ? settings[object.metadata.name] : undefined
  return own === undefined ? object : { ...object, data: { ...(object['data'] as object | undefined), ...own } }
}

async function objectsIn(...folders: readonly string[]): Promise<readonly AnyObject[]> {
  const files = (await Promise.all(folders.map(yamlFiles))).flat().filter((file) => !LEFT_OUT.test(basename(file)))
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts.flatMap((text) => parseObjects(withImages(text)).map(onASmallMachine))
}

/** Where the build tool of Knative would put the digest of what it pushed. */
function withImages(text: string): string {
  return text.replaceAll(/ko:\/\/knative\.dev\/(eventing|serving)\/cmd\/([a-z_/]+)/g, (_, part: string, path: string) =>
    imageOf(ofKnative(part === 'eventing' ? 'eventing' : 'serving', path)),
  )
}

/** What Knative's own parts reserve for themselves is more than two cores have. */
function onASmallMachine(object: AnyObject): AnyObject {
  if (object.kind !== 'Deployment') return object
  return JSON.parse(JSON.stringify(object), (key, value: unknown) =>
    key === 'requests' ? { ...(value as object), cpu: '1m' } : value,
  ) as AnyObject
}
