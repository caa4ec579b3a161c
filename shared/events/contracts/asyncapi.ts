// AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0), seen from the functions: what they receive
// and what they send. Both go through the one address of the broker; Triggers choose who receives what.
import { dataschemaOf, type EventType } from '#shared/events/catalogue.ts'
import { eventTypes, schemaFileOf, subjectOf } from '#shared/events/contracts/json-schema.ts'
import { functionNames, isFunction, sourceOf, traffic, type FunctionName } from '#shared/events/traffic.ts'

type Json = Readonly<Record<string, unknown>>

const http = { http: { method: 'POST', bindingVersion: '0.3.0' } }

export function asyncapiDocument(): Json {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Platxa Functions',
      version: '1.0.0',
      description:
        'Events that ask for Odoo instances and tell what became of them. CloudEvents 1.0 over HTTP, binary mode ' +
        '(structured mode is read as well), JSON data. Delivery is at least once and in any order.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: 'broker-ingress.knative-eventing.svc.cluster.local',
        protocol: 'http',
        description: 'Ingress of the Knative broker; SinkBinding puts the whole address into K_SINK.',
      },
    },
    channels: {
      received: channel('What others publish and the broker brings to the functions.', receivedTypes()),
      sent: channel('What the functions publish, by themselves or as the reply to an event.', sentTypes()),
    },
    operations: Object.fromEntries(functionNames.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(eventTypes.map((type) => [type, message(type)])),
      messageTraits: { cloudEvent },
    },
  }
}

function receivedTypes(): readonly EventType[] {
  return eventTypes.filter((type) => traffic[type].to.some(isFunction))
}

function sentTypes(): readonly EventType[] {
  return eventTypes.filter((type) => traffic[type].from.some(isFunction))
}

function channel(description: string, types: readonly EventType[]): Json {
  return {
    address: '/platxa/default',
    description,
    servers: [{ $ref: '#/servers/broker' }],
    messages: Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
  }
}

function operationsOf(name: FunctionName): readonly (readonly [string, Json])[] {
  return [
    ...operation(
      name,
      'receive',
      'received',
      receivedTypes().filter((type) => traffic[type].to.includes(name)),
    ),
    ...operation(
      name,
      'send',
      'sent',
      sentTypes().filter((type) => traffic[type].from.includes(name)),
    ),
  ]
}

function operation(
  name: FunctionName,
  action: 'receive' | 'send',
  channelName: 'received' | 'sent',
  types: readonly EventType[],
): readonly (readonly [string, Json])[] {
  if (types.length === 0) return []
  const messages = types.map((type) => ({ $ref: `#/channels/${channelName}/messages/${type}` }))
  return [[`${name}.${action}`, { action, channel: { $ref: `#/channels/${channelName}` }, bindings: http, messages }]]
}

function message(type: EventType): Json {
  const { means, from, to } = traffic[type]
  const dataschema = dataschemaOf(type)
  return {
    name: type,
    title: type.replace(/^io\.platxa\.|\.v\d+$/g, ''),
    summary: means,
    description: `From ${from.join(', ')} to ${to.join(', ') || 'whoever has a Trigger for it'}.`,
    headers: { type: 'object', properties: headersOf(type) },
    ...(dataschema !== undefined && {
      contentType: 'application/json',
      payload: { $ref: `./${schemaFileOf(type)}` },
    }),
    traits: [{ $ref: '#/components/messageTraits/cloudEvent' }],
  }
}

/** What this type says more exactly than the trait does. */
function headersOf(type: EventType): Json {
  const [source, subject, dataschema] = [sourceOf(type), subjectOf(type), dataschemaOf(type)]
  const expires = type === 'io.platxa.instance.wake.requested.v1'
  return {
    'ce-type': { const: type },
    ...(source !== undefined && { 'ce-source': { const: source } }),
    ...(subject !== undefined && { 'ce-subject': { pattern: '^instances/' } }),
    ...(dataschema !== undefined && { 'ce-dataschema': { const: dataschema } }),
    ...(expires && { 'ce-expirytime': text('After this instant the wish is void.', { format: 'date-time' }) }),
  }
}

/** Binary mode of the CloudEvents HTTP binding 1.0; `Content-Type` is the `datacontenttype`. */
const cloudEvent: Json = {
  headers: {
    type: 'object',
    required: ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'],
    properties: {
      'ce-specversion': text('Version of CloudEvents.', { const: '1.0' }),
      'ce-id': text('With ce-source it names the event: the same both times it comes twice.', { minLength: 1 }),
      'ce-source': text('Who sends it.', { format: 'uri-reference', minLength: 1 }),
      'ce-type': text('What it says.'),
      'ce-subject': text('The instance it is about: instances/{name}.'),
      'ce-time': text('When it happened.', { format: 'date-time' }),
      'ce-dataschema': text('JSON Schema of the data.', { format: 'uri' }),
      'ce-partitionkey': text('The instance again, for brokers that keep the order of one key.'),
      'ce-correlationid': text('Id of the first event of the chain.'),
      'ce-causationid': text('Id of the event that this one answers.'),
      'ce-traceparent': text('W3C Trace Context.'),
    },
  },
}

function text(description: string, rules: Json = {}): Json {
  return { type: 'string', description, ...rules }
}
