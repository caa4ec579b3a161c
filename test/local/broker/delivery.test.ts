import { describe, expect, it } from 'vitest'
import { deliveryOf, pauseMs } from '#local/broker/delivery.ts'
import { brokerManifest, triggerManifest } from '#local/broker/manifest.ts'

describe('the pauses before retries', () => {
  const metadata = { name: 'default', namespace: 'platxa' }
  const broker = brokerManifest.parse({ kind: 'Broker', metadata, spec: {} })
  const delivery = (spec: object) =>
    deliveryOf(
      triggerManifest.parse({
        kind: 'Trigger',
        metadata,
        spec: { broker: 'default', subscriber: { uri: 'http://x' }, delivery: spec },
      }),
      broker,
    )

  it.each([
    ['double each time', { backoffPolicy: 'exponential', backoffDelay: 'PT0.05S' }, [50, 100, 200, 400]],
    ['double each time unless it is said otherwise', { backoffDelay: 'PT1S' }, [1000, 2000, 4000, 8000]],
    ['grow by as much each time, from none', { backoffPolicy: 'linear', backoffDelay: 'PT0.2S' }, [0, 200, 400, 600]],
  ])('%s', (_what, spec, pauses) => {
    expect([0, 1, 2, 3].map((retry) => pauseMs(delivery({ retry: 4, ...spec }), retry))).toEqual(pauses)
  })
})
