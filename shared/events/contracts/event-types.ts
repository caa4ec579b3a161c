import { dataschemaOf, type EventType } from '#shared/events/catalogue.ts'
import { ownTypes, subjectOf } from '#shared/events/contracts/json-schema.ts'
import { isFunction, sourceOf, traffic } from '#shared/events/traffic.ts'

/** knative/eventing pkg/apis/eventing/v1beta3/eventtype_types.go */
export interface EventTypeManifest {
  readonly apiVersion: 'eventing.knative.dev/v1beta3'
  readonly kind: 'EventType'
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly reference: { readonly apiVersion: string; readonly kind: string; readonly name: string }
    readonly description: string
    readonly attributes: readonly Attribute[]
  }
}

interface Attribute {
  readonly name: string
  readonly required: boolean
  /** Left out: anything. May hold `{variables}`. */
  readonly value?: string
}

/** One for each of our types: what `kn source list-types` and Backstage show of the broker. */
export function eventTypeManifests(): readonly EventTypeManifest[] {
  return ownTypes.map((type) => ({
    apiVersion: 'eventing.knative.dev/v1beta3',
    kind: 'EventType',
    metadata: { name: type, namespace: 'platxa', labels: { 'app.kubernetes.io/part-of': 'platxa' } },
    spec: {
      reference: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: 'default' },
      description: traffic[type].means,
      attributes: attributesOf(type),
    },
  }))
}

function attributesOf(type: EventType): readonly Attribute[] {
  // What our own functions send is always complete; from others we ask only for what CloudEvents asks for.
  const complete = traffic[type].from.every(isFunction)
  const dataschema = dataschemaOf(type)
  return [
    attribute('specversion', true, '1.0'),
    attribute('id', true),
    attribute('type', true, type),
    attribute('source', true, sourceOf(type)),
    ...(subjectOf(type) === undefined ? [] : [attribute('subject', complete, subjectOf(type))]),
    attribute('datacontenttype', complete, 'application/json'),
    attribute('dataschema', complete, dataschema),
    // Knative stores EventTypes as v1beta2, which has a place for the schema only under this name.
    attribute('schemadata', false, dataschema),
  ]
}

function attribute(name: string, required: boolean, value?: string): Attribute {
  return { name, required, ...(value !== undefined && { value }) }
}
