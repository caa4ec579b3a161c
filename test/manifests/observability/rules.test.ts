import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ofKind } from '#test/manifests/base.ts'
import { events } from './event-rows.ts'
import { idle } from './idle-rows.ts'
import { alerts, check, firing, fires, promtool, rules, withoutPromtool } from './promtool.ts'
import { sleeping } from './sleeping-rows.ts'
import { slow, waking } from './waking-rows.ts'
import { demo, well, type Row } from './worlds.ts'

describe(`alert rules${withoutPromtool}`, () => {
  it('say of each alert how bad it is, what it means and what to do', () => {
    const silent = alerts.filter(({ labels = {}, annotations = {} }) => {
      const words = ['summary', 'description', 'runbook'].map((word) => annotations[word] ?? '')
      return !/^(critical|warning|info)$/.test(labels['severity'] ?? '') || words.includes('')
    })
    expect(silent).toEqual([])
  })

  it('are those that README.md explains', async () => {
    const text = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
    const explained = new Set(text.match(/(?<=^\| `)Platxa\w+(?=` \|)/gm))
    expect(explained).toEqual(new Set(alerts.map(({ alert }) => alert)))
  })

  it('call idle what the functions call idle', () => {
    const knobs = ofKind('ConfigMap').flatMap(
      ({ data }) => z.record(z.string(), z.string()).parse(data)['IDLE_TIMEOUT'] ?? [],
    )
    // Of the functions, and of the door, which tells people when an instance may sleep.
    expect(knobs).toEqual(['15m', '15m'])
    const hint = alerts.find(({ alert }) => alert === 'PlatxaInstanceIdle')
    expect(hint?.expr).toBe('platxa:instance_idle:seconds > 15 * 60')
  })

  // Each row is a process and a database of its own.
  describe.skipIf(promtool === undefined)('told by promtool', { timeout: 120_000 }, () => {
    it('are accepted', async () => {
      expect(await check()).toContain(`SUCCESS: ${rules.length} rules found`)
    })

    it('name the namespace of an idle instance, by which relay-alerts finds it', async () => {
      await fires({ ...well(30), ...demo }, 30, 'PlatxaInstanceIdle', {
        exp_labels: { name: 'demo', namespace: 'instance-demo', severity: 'info' },
        exp_annotations: {
          ...alerts.find(({ alert }) => alert === 'PlatxaInstanceIdle')?.annotations,
          summary: 'Nobody uses demo',
          description: 'Awake and not used for 1h 30m 0s. A WebSocket without a person is no use.',
        },
      })
    })

    const stories: [string, readonly Row[]][] = [
      ['who is idle', idle],
      ['wakes', waking],
      ['the objective of 95 % within 8 s', slow],
      ['falling asleep', sleeping],
      ['events', events],
    ]
    describe.each(stories)('%s', (_, rows) => {
      it.each(rows)('%s', async (__, series, minute, expected) => {
        await firing({ ...well(minute), ...series }, minute, expected)
      })
    })

    it('are all among those that a row makes fire', () => {
      const fired = new Set(
        [idle, waking, slow, sleeping, events].flat().flatMap(([, , , wanted]) => Object.keys(wanted)),
      )
      expect(alerts.map(({ alert }) => alert ?? '').filter((name) => !fired.has(name))).toEqual([])
    })
  })
})
