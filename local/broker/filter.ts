import type { BrokerEvent } from './event.ts'
import type { Filter, TriggerManifest } from './manifest.ts'

/** Whether a Trigger wants an event. `filters` wins over `filter`, as in Knative; neither means every event. */
export function wants(spec: TriggerManifest['spec'], event: BrokerEvent): boolean {
  if (spec.filters !== undefined && spec.filters.length > 0) return spec.filters.every((one) => passes(one, event))
  return everyAttribute(spec.filter?.attributes ?? {}, event, exactOrAny)
}

function passes(filter: Filter, event: BrokerEvent): boolean {
  if ('exact' in filter) return everyAttribute(filter.exact, event, (value, wanted) => value === wanted)
  if ('prefix' in filter) return everyAttribute(filter.prefix, event, (value, wanted) => value.startsWith(wanted))
  if ('suffix' in filter) return everyAttribute(filter.suffix, event, (value, wanted) => value.endsWith(wanted))
  if ('all' in filter) return filter.all.every((one) => passes(one, event))
  if ('any' in filter) return filter.any.some((one) => passes(one, event))
  return !passes(filter.not, event)
}

/** In `filter.attributes` the empty string means: any value, as long as there is one. */
function exactOrAny(value: string, wanted: string): boolean {
  return wanted === '' || value === wanted
}

function everyAttribute(
  wanted: Readonly<Record<string, string>>,
  event: BrokerEvent,
  fits: (value: string, wanted: string) => boolean,
): boolean {
  return Object.entries(wanted).every(([name, text]) => {
    const value = name === 'datacontenttype' ? event.contentType : event.attributes[name]
    return value !== undefined && fits(value, text)
  })
}
