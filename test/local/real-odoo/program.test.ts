import { describe, expect, it } from 'vitest'
import { odooProgram, poolerProgram } from '#local/real-odoo/program.ts'
import { podSpec } from '#shared/instance/pod.ts'
import { platformOf, specOf } from '#test/shared/instance/builders.ts'

const place = { root: '/pods/a/root', podIP: '127.77.0.5' }
const rooted = { from: 'root', root: '/cache/debian', args: [] } as const
const named = { from: 'program', bin: '/usr/bin/odoo', args: ['--max-cron-threads=0'] } as const

function containersOf(pooler: boolean) {
  const platform = { ...platformOf(), pooler: pooler ? { image: 'platxa-pgbouncer' } : undefined }
  const { containers, initContainers = [] } = podSpec(specOf(), platform)
  return { odoo: containers[0]!, pooler: initContainers[0] }
}
const commandOf = (args: readonly string[]): readonly string[] => args.slice(args.indexOf('--') + 1)

describe('the Odoo of a pod, in a root file system of its own', () => {
  it('runs the command of the pod and is told nothing but the address of the pod', () => {
    const { odoo } = containersOf(false)
    expect(commandOf(odooProgram(rooted, odoo, place).args)).toEqual(['odoo', '--http-interface=127.77.0.5'])
  })

  it('dials its pooler at the address of the pod too', () => {
    const { odoo } = containersOf(true)
    expect(commandOf(odooProgram(rooted, odoo, place).args)).toEqual([
      'odoo',
      '--http-interface=127.77.0.5',
      '--db_host=127.77.0.5',
    ])
  })

  it('finds every volume at the path that the pod says, and cannot write where the pod may not', () => {
    const { odoo } = containersOf(true)
    const { args } = odooProgram(rooted, odoo, place)
    const volumes = args.slice(args.indexOf('101') + 1, args.indexOf('--'))
    for (const { mountPath, readOnly } of odoo.volumeMounts ?? []) {
      const at = volumes.indexOf(mountPath)
      expect(volumes.slice(at, at + 3)).toEqual([mountPath, `/pods/a/root${mountPath}`, readOnly ? 'ro' : 'rw'])
    }
  })

  it('brings a pooler that listens on the address of the pod', () => {
    const { pooler } = containersOf(true)
    const [shell, , script, address, file] = commandOf(poolerProgram(rooted, pooler!, place)?.args ?? [])
    expect([shell, address, file]).toEqual(['sh', '127.77.0.5', '/etc/pgbouncer/pgbouncer.ini'])
    expect(script).toContain('listen_addr')
  })
})

describe('the Odoo that ODOO_BIN names', () => {
  it('is told where the volumes of the pod are, and the arguments of the user come last', () => {
    expect(odooProgram(named, { command: ['odoo'], args: ['--log-web'] }, place)).toEqual({
      file: '/usr/bin/odoo',
      args: [
        '--config=/pods/a/root/etc/odoo/odoo.conf',
        '--data-dir=/pods/a/root/var/lib/odoo',
        '--addons-path=/pods/a/root/mnt/extra-addons',
        '--log-web',
        '--http-interface=127.77.0.5',
        '--max-cron-threads=0',
      ],
      env: {},
    })
  })

  it('has no pooler', () => {
    expect(poolerProgram(named, { command: ['pgbouncer', '/etc/pgbouncer/pgbouncer.ini'] }, place)).toBeUndefined()
  })
})
