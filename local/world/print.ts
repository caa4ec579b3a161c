// The few lines that matter, once everything runs.
import { relative } from 'node:path'
import type { Options } from './options.ts'
import type { WorldFile } from './running.ts'
import { story } from './requests.ts'

export interface Shown {
  readonly world: WorldFile
  readonly idleTimeout: string
  readonly seconds: number
  readonly missing: readonly string[]
  readonly detached: boolean
  readonly odoo: Options['odoo']
}

/** Said wherever instances are shown to somebody who may take them for more than they are. */
const STAND_IN = [
  'The instances are a stand-in for Odoo: start-up, sign-in, RPC, WebSocket and stopping behave like it, nothing else is',
  'there. `npm start -- --odoo real --fresh` runs real Odoo 19 instances.',
]

export function summary({ world, idleTimeout, seconds, missing, detached, odoo }: Shown): string {
  const url = (name: string): string => world.instanceUrl.replace('{name}', name)
  const rows = [
    ['Console', world.console],
    ...story.map(({ name, tier }) => [name, `${url(name)}  (${tier})`]),
    ['Broker', world.broker],
    ['Kubeconfig', here(world.kubeconfig)],
  ]
  const end = detached ? '`npm stop` stops everything' : 'Ctrl-C stops everything'
  return [
    '',
    `Ready after ${seconds.toFixed(0)} s.`,
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(11)} ${value}`),
    '',
    'Publish an event:',
    '',
    ...curl(world.broker).map((line) => `  ${line}`),
    '',
    ...(missing.length === 0 ? [] : [`Not written yet, so nobody hears their events: ${missing.join(', ')}.`]),
    ...(odoo === 'real' ? [] : [...STAND_IN, '']),
    `An instance that nobody uses for ${idleTimeout} is put to sleep. ${end}; the next \`npm start\` goes on from here.`,
    '',
  ].join('\n')
}

function curl(broker: string): readonly string[] {
  return [
    `curl -i ${broker} -H 'content-type: application/json' \\`,
    `  -H 'ce-specversion: 1.0' -H "ce-id: $(date +%s)" -H 'ce-source: /me' \\`,
    `  -H 'ce-type: io.platxa.instance.wake.requested.v1' -H 'ce-subject: instances/demo' \\`,
    `  -d '{"name":"demo","trigger":"manual"}'`,
  ]
}

function here(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}
