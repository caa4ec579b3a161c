import type { Platform } from './platform.ts'
import { urlOf, type InstanceSpec } from './spec.ts'

/** System parameters of the instance's database that are the platform's to say. */
export function parametersOf(spec: InstanceSpec, platform: Platform): Record<string, string> {
  return {
    'web.base.url': urlOf(spec, platform),
    // Otherwise each login of an administrator rewrites it from the Host header.
    'web.base.url.freeze': 'True',
    // wkhtmltopdf fetches its pages here; by the public address it would meet the pod's own egress policy and hang.
    'report.url': 'http://127.0.0.1:8069',
  }
}
