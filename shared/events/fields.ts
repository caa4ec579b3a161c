// What the data of events is made of. The descriptions go into the published schemas (npm run contracts).
import { z } from 'zod'

/** DNS label that leaves room for the prefix `instance-` within the 63 characters of a namespace name. */
export const instanceName = z
  .string()
  .max(54, 'must have at most 54 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label: a-z, 0-9 and inner hyphens')
  .describe('Name of the instance: a DNS label; its namespace is instance-{name}.')
export const tier = z
  .enum(['free', 'pro', 'team', 'enterprise'])
  .describe('What the instance may use of CPU, memory and storage.')
export type Tier = z.output<typeof tier>
export const status = z
  .enum(['active', 'suspended', 'disabled'])
  .describe('Whether the instance may be used: a suspended one answers 402, a disabled one 404, and neither wakes.')
export type Status = z.output<typeof status>
export const trigger = z
  .enum(['http', 'manual', 'cron'])
  .describe('What the wake is for: a request, a person who asked for it, or a scheduled job that is due.')
export type Trigger = z.output<typeof trigger>

export const revision = z
  .int()
  .min(0)
  .describe(
    'Counted up by the Instance Manager with every change of an instance; what is older than what is applied is ignored.',
  )
export const odooVersion = z
  .string()
  .regex(/^[1-9][0-9]$/, 'must be a major version such as "19"')
  .describe('Major version of Odoo alone, as in the name of the template database: 19.')
export const ownerId = z
  .string()
  .max(63, 'must have at most 63 characters')
  .regex(/^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/, 'must be usable as a label value')
  .describe('Owner in the Instance Manager; usable as a label value, so that objects can be found by owner.')
const host = z
  .string()
  .max(253, 'must have at most 253 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/,
    'must be a host name in lower case, without port or wildcard',
  )
export const hosts = z
  .array(host)
  .min(1, 'must name at least one host')
  .max(20, 'must name at most 20 hosts')
  .refine((all) => new Set(all).size === all.length, 'must not name a host twice')
  // JSON Schema has a word for what the refinement says; zod cannot know.
  .meta({ uniqueItems: true, description: 'Host names of the instance, the public address first.' })
export const uid = z.string().regex(/^[-A-Za-z0-9]{1,64}$/, 'must be the UID of a Kubernetes object')
export const namespaceUid = uid.describe('UID of the namespace of the instance: tells it from namesakes made later.')
export const deploymentUid = uid.describe(
  'UID of the Deployment the event is about: a namesake made since is left alone.',
)
export const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the name of a namespace')
  .describe('Namespace of the instance.')
export const templateName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be the name of a template database')
  .describe('Template database to clone instead of that of the version.')
export const login = z
  .string()
  .min(1)
  .max(254)
  .regex(/^[^\s\p{Cc}]+$/u, 'must not contain spaces or control characters')
  .describe('Login of the first user, who administrates Odoo; "admin" when left out.')
export const url = z
  .url()
  .regex(/^https?:\/\/[^/?#]/, 'must be an http or https URL')
  .describe('Where people reach the instance.')
/** RFC 3339. */
export const instant = z.iso.datetime({ offset: true })
export const count = z.int().min(0)
export const milliseconds = z.int().min(0)
/** A word that programs may compare, such as `image-pull` or `active-session`; the human sentence stands beside it. */
export const slug = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be a short word in lower case with hyphens')
export const sentence = z.string().min(1).max(2000)
