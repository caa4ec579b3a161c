// What all tests on the cluster share. They run inside its namespaces, so its addresses are theirs.
import { createServer, type Server } from 'node:http'

import type { TestProject } from 'vitest/node'

import { type Everything, startEverything } from '#local/cluster/everything.ts'
import { clusterFolder } from '#local/cluster/namespaces.ts'
import { NODE_ADDRESS } from '#local/cluster/network.ts'
import type { ImageSpec } from '#local/image/oci.ts'
import { createProgress } from '#local/world/progress.ts'

import { probeImage } from './probe-image.ts'

declare module 'vitest' {
  interface ProvidedContext {
    clusterKubeconfig: string
    /** Where Traefik serves HTTPS. */
    frontDoor: string
    /** Whom to trust for that. */
    authority: string
    broker: string
    /** POST /{part} restarts that part of the cluster, after `?away=` milliseconds, and answers when it runs again. */
    restarter: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = clusterFolder(process.env)
  if (folder === undefined) throw new Error('these tests need namespaces of their own: npm run test:cluster')
  const ending = new AbortController()
  const progress = createProgress(process.stderr)
  const images = async (place: string): Promise<readonly ImageSpec[]> => [await probeImage(place)]
  const everything = await startEverything(folder, progress, ending.signal, images)
  const { kubeconfig, frontDoor, broker, kubernetes, edge } = everything
  project.provide('clusterKubeconfig', kubeconfig)
  project.provide('frontDoor', frontDoor)
  project.provide('authority', edge.authority)
  project.provide('broker', broker)
  const restarter = await openRestarter(everything)
  project.provide('restarter', `http://${NODE_ADDRESS}:${portOf(restarter)}`)
  return async () => {
    restarter.close()
    ending.abort()
    await kubernetes.close()
    await everything.endProject()
    await everything.end()
  }
}

/** Tests run in processes of their own, and only this one has the cluster's parts in its hands. */
async function openRestarter(of: Everything): Promise<Server> {
  const parts: Readonly<Record<string, (awayMs: number) => Promise<void>>> = {
    '/control-plane': () => of.restartControlPlane(),
    '/kubelet': () => of.restartKubelet(),
    '/postgres': (awayMs) => of.restartPostgres(awayMs),
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://restarter')
    const done =
      parts[pathname]?.(Number(searchParams.get('away') ?? 0)) ?? Promise.reject(new Error(`no part ${request.url}`))
    done.then(
      () => response.writeHead(204).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, NODE_ADDRESS, resolve))
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
