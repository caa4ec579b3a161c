import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import { odooConf } from './odoo-conf.ts'
import type { Platform } from './platform.ts'
import { pgbouncerIni } from './pooler.ts'
import type { InstanceSpec } from './spec.ts'

/** Files that anybody who may read the namespace may read: no password in any of them. */
export function configFiles(spec: InstanceSpec, platform: Platform): Readonly<Record<string, string>> {
  const { rootCertificate } = platform.postgres
  return {
    'odoo.conf': odooConf(spec, platform),
    ...(platform.pooler && { 'pgbouncer.ini': pgbouncerIni(spec, platform) }),
    ...(rootCertificate !== undefined && { 'postgres-ca.crt': rootCertificate }),
  }
}

export function configMap(spec: InstanceSpec, platform: Platform): Desired<ConfigMap> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(spec, objectNames.config),
    data: { ...configFiles(spec, platform) },
  }
}
