// Inside the namespaces: a cluster that stands until it is told to end.
import { startEverything } from '#local/cluster/everything.ts'
import { clusterFolder } from '#local/cluster/namespaces.ts'
import { createProgress } from '#local/world/progress.ts'

const folder = clusterFolder(process.env) ?? ''
const { kubeconfig, frontDoor, broker, edge } = await startEverything(
  folder,
  createProgress(process.stderr),
  new AbortController().signal,
)
console.log(`
The cluster stands. Its network is its own, so go inside first:
  nsenter --target "$(pgrep --full --newest test/cluster/up.ts)" --net --mount --pid sh
  export KUBECONFIG=${kubeconfig}
  curl --cacert ${edge.authority} --connect-to ::${frontDoor} https://demo.cluster.example/
The broker takes events at ${broker}.
Ctrl-C ends it and leaves nothing behind.`)
await new Promise<never>(() => {
  setInterval(() => undefined, 1 << 30)
})
