// npm run test:cluster: a real cluster of one node in namespaces of its own, and the tests on it. Arguments are vitest's;
// `--up` instead keeps the cluster standing, for trying things, until Ctrl-C.
import { sayCounts } from '#test/vitest.ts'

import { standUp, testCluster } from './test.ts'

const args = process.argv.slice(2)
process.exitCode = args.includes('--up') ? await standUp() : sayCounts([await testCluster(args)])
