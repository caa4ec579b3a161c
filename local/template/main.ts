// npm run template: a new template for the local world that runs, beside the one in use, which stays if this one does not
// come out. In a cluster the same is done by the Job of manifests/jobs/template.yaml.
import { obtainOdoo } from '#local/real-odoo/obtain.ts'
import { fillTemplate } from '#local/real-odoo/template.ts'
import { layoutOf } from '#local/world/layout.ts'
import { ensurePlatformRole } from '#local/world/platform-database.ts'
import { createProgress } from '#local/world/progress.ts'
import { readWorld } from '#local/world/running.ts'
import { connect } from '#shared/k8s/connect.ts'
import { readTemplateOptions, templateUsage } from './options.ts'

/** Not ours, but said in words that need no stack. */
const CLEAR = ['OptionError', 'NoOdoo', 'OdooFailed', 'BadTemplate']

process.exitCode = await main().catch((error: unknown) => {
  const clear = error instanceof Error && CLEAR.includes(error.name)
  console.error(clear ? error.message : error)
  return 1
})

async function main(): Promise<number> {
  const asked = readTemplateOptions(process.argv.slice(2))
  if (asked === undefined) {
    console.log(templateUsage)
    return 0
  }
  const world = await readWorld(layoutOf(process.env))
  if (world === undefined) {
    console.error('No local world runs: `npm start -- --odoo real` first. In a cluster: manifests/jobs/template.yaml.')
    return 1
  }
  const progress = createProgress(process.stderr)
  const { signal } = new AbortController()
  const odoo = await progress.step('obtaining Odoo', (tell) => obtainOdoo({ progress: tell, signal }))
  const kubernetes = await connect({ kubeconfig: world.kubeconfig })
  try {
    const admin = await ensurePlatformRole({ kubernetes, adminUrl: world.postgres, signal })
    const { version, modules } = asked
    await progress.step(`making template_odoo_${version}`, (tell) =>
      fillTemplate({ admin, odoo, version, modules, replace: true, tell, signal }),
    )
    console.log(
      `template_odoo_${version} is in use: ${modules.join(', ')}. The one before is template_odoo_${version}_previous.`,
    )
    return 0
  } finally {
    await kubernetes.close()
  }
}
