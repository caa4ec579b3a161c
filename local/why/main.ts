// npm run why -- NAME [KUBECONFIG]: why is this instance awake or asleep? Needs `get` on its Deployment, nothing else.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { instanceName } from '#shared/events/catalogue.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { readInstance } from '#shared/instance/read.ts'
import { connect } from '#shared/k8s/connect.ts'
import { reportOf } from './report.ts'

const answerWithinMs = 15_000

async function main([given, kubeconfig]: readonly string[]): Promise<number> {
  const name = instanceName.safeParse(given)
  if (!name.success) {
    console.error(
      'usage: npm run why -- NAME [KUBECONFIG]     (else KUBECONFIG or ~/.kube/config, as kubectl takes them)',
    )
    return 2
  }
  const kubernetes = await connect({ kubeconfig })
  try {
    const ref = { namespace: namespaceOf(name.data), name: deploymentOf(name.data) }
    const signal = AbortSignal.timeout(answerWithinMs)
    const found = await kubernetes.get<Deployment>({ apiVersion: 'apps/v1', kind: 'Deployment', ...ref }, { signal })
    const instance = found && readInstance(found)
    if (instance === undefined) {
      console.error(`There is no instance "${name.data}": no Deployment ${ref.name} in namespace ${ref.namespace}.`)
      return 1
    }
    console.log(reportOf(instance).join('\n'))
    return 0
  } finally {
    await kubernetes.close()
  }
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  return 1
})
