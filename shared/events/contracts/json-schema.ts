import { z } from 'zod'
import { catalogue, dataschemaOf, isEventType, type EventType } from '#shared/events/catalogue.ts'
import { traffic } from '#shared/events/traffic.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The document to publish at `dataschemaOf(type)`. */
export function jsonSchemaOf(type: EventType): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(catalogue[type], { io: 'input', unrepresentable: 'any' })
  const $id = dataschemaOf(type)
  return {
    ...($schema !== undefined && { $schema }),
    ...($id !== undefined && { $id }),
    title: type,
    description: traffic[type].means,
    ...schema,
  }
}

export const eventTypes: readonly EventType[] = Object.keys(catalogue).filter(isEventType)

/** Those with a schema of ours; the others are Knative's. */
export const ownTypes: readonly EventType[] = eventTypes.filter((type) => dataschemaOf(type) !== undefined)

/** Where `npm run contracts` writes the schema, beside the AsyncAPI document. */
export function schemaFileOf(type: EventType): string {
  return `schemas/${type}.json`
}

/** `instances/{name}` for events that speak of one instance. */
export function subjectOf(type: EventType): string | undefined {
  return jsonSchemaOf(type).properties?.['name'] === undefined ? undefined : 'instances/{name}'
}
