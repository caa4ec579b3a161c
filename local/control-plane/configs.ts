import { readFile, rename, writeFile } from 'node:fs/promises'

import {
  auditPolicy,
  auditPolicyPath,
  kubeconfigPath,
  schedulerConfig,
  schedulerConfigPath,
  type Setup,
} from './components.ts'
import type { Pki } from './pki.ts'

export async function writeConfigs({ dataDir, pki, node }: Setup, server: string): Promise<void> {
  const ofNode = node ? ['kubelet', 'kube-proxy'] : []
  for (const user of ['admin', 'kube-controller-manager', 'kube-scheduler', ...ofNode]) {
    await replaceFile(kubeconfigPath(dataDir, user), await kubeconfig(server, pki, user))
  }
  await replaceFile(schedulerConfigPath(dataDir), JSON.stringify(schedulerConfig(dataDir)))
  if (node) await replaceFile(auditPolicyPath(dataDir), JSON.stringify(auditPolicy()))
}

/** JSON is YAML, so `kubectl` reads it too. */
async function kubeconfig(server: string, pki: Pki, user: string): Promise<string> {
  const data = async (path: string) => (await readFile(path)).toString('base64')
  const cluster = { server, 'certificate-authority-data': await data(pki.cert('ca')) }
  const credentials = {
    'client-certificate-data': await data(pki.cert(user)),
    'client-key-data': await data(pki.key(user)),
  }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'platxa-local', cluster }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: 'platxa-local', context: { cluster: 'platxa-local', user } }],
    'current-context': 'platxa-local',
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** Never half written, whenever we are killed. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
