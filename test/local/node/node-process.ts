// A node in a process of its own, to be killed: node node-process.ts KUBECONFIG STATE_DIR NAME
import { startNode } from '#local/node/start.ts'
import { createLog } from '#shared/server/log.ts'

const [kubeconfig = '', stateDir = '', nodeName = ''] = process.argv.slice(2)
const ending = new AbortController()
const node = await startNode({
  kubeconfig,
  stateDir,
  nodeName,
  images: ({ image, args = [] }) => (image === 'node' ? { file: process.execPath, args } : undefined),
  taints: [{ key: 'test', value: nodeName, effect: 'NoSchedule' }],
  storageClass: { name: nodeName, isDefault: false },
  signal: ending.signal,
  log: createLog('node'),
})
process.once('SIGTERM', () => void node.stop({ graceMs: 1000 }).then(() => process.exit(0)))
process.stdout.write('ready\n')
