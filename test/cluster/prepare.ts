import { obtainPrograms } from '#local/cluster/build.ts'
import { writePrepared } from '#local/cluster/everything.ts'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { createProgress } from '#local/world/progress.ts'

/** Everything that must be fetched or built, because inside there is no way out. */
export async function prepare(folder: string): Promise<void> {
  const progress = createProgress(process.stderr)
  const { signal } = new AbortController()
  const binaries = await progress.step('obtaining the control plane', (tell) =>
    obtainControlPlane({ progress: tell, signal }),
  )
  const programs = await progress.step('obtaining kubelet and kube-proxy', (tell) => obtainPrograms({ tell, signal }))
  await writePrepared(folder, { binaries, programs, owner: process.pid })
}
