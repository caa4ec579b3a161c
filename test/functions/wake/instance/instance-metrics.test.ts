import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { Entry } from '#functions/wake/instance/entry.ts'
import { instanceTotals, mostWoken } from '#functions/wake/instance/instance-metrics.ts'
import { entryOf } from './rooms-of.ts'

function entry(name: string, wakes: number | null): Entry {
  const totals = wakes === null ? null : { wakes, sleeps: wakes, falseWakes: 1, awakeSeconds: 60 * wakes }
  return entryOf(undefined, { name, totals })
}

describe('the metrics of instances', () => {
  it('tell what the Deployments say, and nothing of instances that never woke', async () => {
    const registry = new Registry()
    const entries = () => [entry('shop', 3), entry('new', null)]
    instanceTotals(registry, { entries })
    const text = await registry.metrics()
    expect(text).toMatch(/^platxa_wake_instance_wakes_total\{name="shop"\} 3$/m)
    expect(text).toMatch(/^platxa_wake_instance_sleeps_total\{name="shop"\} 3$/m)
    expect(text).toMatch(/^platxa_wake_instance_false_wakes_total\{name="shop"\} 1$/m)
    expect(text).toMatch(/^platxa_wake_instance_awake_seconds_total\{name="shop"\} 180$/m)
    expect(text).not.toMatch(/name="new"/)
  })

  it('are of so many instances and no more: those that wake most', () => {
    const entries = Array.from({ length: 50 }, (_, index) => entry(`i${index}`, index))
    expect(mostWoken(entries, 3).map(({ name }) => name)).toEqual(['i49', 'i48', 'i47'])
  })
})
