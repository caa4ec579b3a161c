// What is mounted where in the Odoo pod.
import type { Volume, VolumeMount } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import type { Platform } from './platform.ts'

export const volumeMounts: VolumeMount[] = [
  // All of data_dir, not only its filestore: sessions live there too, and every sleep would log everybody out.
  { name: 'filestore', mountPath: '/var/lib/odoo' },
  // A fresh ext4 volume has `lost+found` in its root, and Odoo refuses a folder of addons that is none.
  { name: 'addons', mountPath: '/mnt/extra-addons', subPath: 'addons' },
  { name: 'config', mountPath: '/etc/odoo', readOnly: true },
  // wkhtmltopdf writes there; the root file system is read-only.
  { name: 'tmp', mountPath: '/tmp' },
]

export function podVolumes(platform: Platform): Volume[] {
  const authority = platform.postgres.rootCertificate === undefined ? [] : ['postgres-ca.crt']
  return [
    { name: 'filestore', persistentVolumeClaim: { claimName: objectNames.filestore } },
    { name: 'addons', persistentVolumeClaim: { claimName: objectNames.addons } },
    { name: 'config', configMap: { name: objectNames.config, items: items('odoo.conf', ...authority) } },
    { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
    ...(platform.pooler ? [poolerVolume(authority)] : []),
  ]
}

/** Its settings from the ConfigMap, its password from the Secret, in one folder that Odoo's container does not see. */
function poolerVolume(authority: readonly string[]): Volume {
  return {
    name: 'pooler',
    projected: {
      // Readable for the pod's group, which is who PgBouncer runs as.
      defaultMode: 0o440,
      sources: [
        { configMap: { name: objectNames.config, items: items('pgbouncer.ini', ...authority) } },
        { secret: { name: objectNames.secret, items: items('userlist.txt') } },
      ],
    },
  }
}

function items(...keys: readonly string[]): { key: string; path: string }[] {
  return keys.map((key) => ({ key, path: key }))
}
