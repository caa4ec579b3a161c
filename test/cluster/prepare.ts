import { obtainPrograms } from '#local/cluster/build.ts'
import { type Prepared, writePrepared } from '#local/cluster/everything.ts'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { moduleFolder } from '#local/tools/modules.ts'
import { obtainTool } from '#local/tools/tools.ts'
import { createProgress } from '#local/world/progress.ts'

/** Everything that must be fetched or built, because inside there is no way out. */
export async function prepare(folder: string): Promise<void> {
  const progress = createProgress(process.stderr)
  const { signal } = new AbortController()
  const binaries = await progress.step('obtaining the control plane', (tell) =>
    obtainControlPlane({ progress: tell, signal }),
  )
  const programs = await progress.step('obtaining the node, Knative, CoreDNS and Traefik', (tell) =>
    obtainPrograms({ tell, signal }),
  )
  const sources = await progress.step('obtaining their manifests', () => obtainSources(signal))
  const kustomize = await progress.step('obtaining kustomize', (tell) => obtainTool('kustomize', { tell, signal }))
  await writePrepared(folder, { binaries, programs, sources, kustomize, owner: process.pid })
}

async function obtainSources(signal: AbortSignal): Promise<Prepared['sources']> {
  return {
    eventing: await moduleFolder('eventing', signal),
    serving: await moduleFolder('serving', signal),
    networking: await moduleFolder('networking', signal),
    caching: await moduleFolder('caching', signal),
    traefik: await moduleFolder('traefik', signal),
  }
}
