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
    /** Address of the Service in front of wake. */
    frontDoor: string
    broker: string
    /** POST /{part} restarts that part of the cluster, and answers when it runs again. */
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
  const { kubeconfig, frontDoor, broker, kubernetes } = everything
  project.provide('clusterKubeconfig', kubeconfig)
  project.provide('frontDoor', frontDoor)
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
  const parts: Readonly<Record<string, () => Promise<void>>> = {
    '/control-plane': () => of.restartControlPlane(),
    '/kubelet': () => of.restartKubelet(),
    '/postgres': () => of.restartPostgres(),
  }
  const server = createServer((request, response) => {
    const restart = parts[request.url ?? '']
    const done = restart?.() ?? Promise.reject(new Error(`no part ${request.url}`))
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
