// What an event may do to an instance, by what is there already. Everything that can never succeed is refused here, before
// anything is made, so that a refusal leaves nothing behind.
import { explain } from '#shared/events/catalogue.ts'
import { databaseOf, namespaceOf, templateOf } from '#shared/instance/names.ts'
import { instanceSpec, type InstanceSpec } from '#shared/instance/spec.ts'
import type { Survey } from '#shared/postgres/survey.ts'
import type { InstanceRequested } from './event.ts'

export interface SeenNamespace {
  readonly uid: string
  /** It bears our label; anybody could have made a namespace of this name. */
  readonly ours: boolean
  /** It is being deleted. */
  readonly leaving: boolean
  /** Of the Instance Manager, as last applied. */
  readonly revision: number | undefined
  readonly spec: InstanceSpec | undefined
}

export interface Seen {
  readonly requested: InstanceRequested['data']
  readonly namespace: SeenNamespace | undefined
  readonly survey: Survey
}

export type Decision =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'wait'; readonly why: string }
  | { readonly do: 'refuse'; readonly step: string; readonly reason: string }
  | { readonly do: 'provision'; readonly spec: InstanceSpec }

export function decide({ requested, namespace, survey }: Seen): Decision {
  const place = namespaceOf(requested.name)
  if (namespace?.ours === false) return refuse('namespace', `namespace "${place}" is there and is not an instance's`)
  if (namespace?.leaving) return { do: 'wait', why: `namespace "${place}" is still being removed` }
  if (namespace?.revision !== undefined && namespace.revision > requested.revision) {
    const why = `revision ${requested.revision} is older than ${namespace.revision}, which is applied`
    return { do: 'nothing', why }
  }
  if (survey.obstacle !== undefined) return refuse('database', survey.obstacle)
  if (survey.clone && survey.clone.origin?.uid !== namespace?.uid) {
    const database = databaseOf(requested.name)
    return refuse('database', `database "${database}" is that of an earlier instance of this name`)
  }
  const before = survey.clone && namespace?.spec
  if (before && before.odooVersion !== requested.odooVersion) {
    return refuse('version', `the database is one of Odoo ${before.odooVersion}: an upgrade is not provisioning`)
  }
  const template = before ? before.template : templateWanted(requested)
  if (!survey.clone && !survey.templateExists) return refuse('template', `there is no database template "${template}"`)
  const spec = instanceSpec.safeParse({
    ...requested,
    ...(namespace?.spec && { status: namespace.spec.status, route: namespace.spec.route }),
    // These two are decided once, when the database is made.
    template,
    ...(before && { adminLogin: before.adminLogin }),
  })
  return spec.success ? { do: 'provision', spec: spec.data } : refuse('spec', explain(spec.error))
}

/** The template a new database would be cloned from. */
export function templateWanted({ template, odooVersion }: Seen['requested']): string {
  return template ?? templateOf(odooVersion)
}

function refuse(step: string, reason: string): Decision {
  return { do: 'refuse', step, reason }
}
