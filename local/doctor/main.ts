// npm run doctor: what is wrong with the cluster of the kubeconfig, and how to mend it. Looks and never changes anything.
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { layoutOf } from '#local/world/layout.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { worldFile } from '#local/world/running.ts'
import { examine, type Examined } from './examine.ts'
import { patientOf } from './patient.ts'

const LIMIT_MS = 60_000
const MARKS = { good: 'ok  ', bad: 'BAD ', unknown: '?   ' } as const

const usage = `usage: npm run doctor -- [options]

  --kubeconfig FILE   of the cluster (KUBECONFIG, ~/.kube/config)
  --local             the cluster of npm start
  --postgres URL      where PostgreSQL can be reached from here, as the functions' own role
  --before-install    only what must be there before anything of ours is

Ends with 0 when nothing is bad, else with 1.`

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    local: { type: 'boolean', default: false },
    postgres: { type: 'string' },
    'before-install': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(usage)
else process.exitCode = await run()

async function run(): Promise<number> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  let kubernetes: Kubernetes | undefined
  try {
    kubernetes = await connect({ kubeconfig: values.local ? localKubeconfig() : values.kubeconfig })
    const now = () => Temporal.Now.instant()
    const patient = await patientOf({ kubernetes, postgresUrl: values.postgres, now, signal })
    if (patient.isLocalWorld) console.log('This is the cluster of npm start, which plays Knative and Traefik itself.')
    return print(await examine(patient, { beforeInstall: values['before-install'] }))
  } catch (error) {
    console.log(`BAD  the cluster does not answer: ${error instanceof Error ? error.message : String(error)}`)
    console.log('     → is the API server there, and is this the right kubeconfig?')
    return 1
  } finally {
    await kubernetes?.close()
  }
}

function localKubeconfig(): string {
  const { worldFile: path } = layoutOf(process.env)
  if (!existsSync(path)) throw new Error('npm start does not run')
  return worldFile.parse(JSON.parse(readFileSync(path, 'utf8'))).kubeconfig
}

function print(examined: readonly Examined[]): number {
  const findings = examined.flatMap((one) => one.findings)
  for (const { state, says, mend } of findings) {
    console.log(`${MARKS[state]} ${says}`)
    if (state !== 'good' && mend !== undefined) console.log(`     → ${mend}`)
  }
  const count = (state: keyof typeof MARKS): number => findings.filter((one) => one.state === state).length
  console.log(`${count('good')} good, ${count('bad')} bad, ${count('unknown')} unknown`)
  return count('bad') > 0 ? 1 : 0
}
