import { describe, expect, it } from 'vitest'
import { series } from '#shared/instance/versions.ts'
import { fittingWorkers, jobEnvelope, tiers, workersOf } from '#shared/instance/tiers.ts'

describe('workers of a tier', () => {
  it.each([
    ['free', 'fit', 0],
    ['pro', 'fit', 2],
    ['team', 'fit', 5],
    ['enterprise', 'fit', 9],
    ['free', 'published', 2],
    ['pro', 'published', 4],
    ['team', 'published', 6],
    ['enterprise', 'published', 9],
  ] as const)('%s with policy %s runs %i', (tier, policy, workers) => {
    expect(workersOf(tier, policy)).toBe(workers)
  })

  it.each([
    [512, 0],
    [700, 0],
    [930, 2],
    [4096, 4],
  ])('4 published, %i Mi, one cron worker: %i fit, never one, never more than published', (memoryMi, workers) => {
    expect(fittingWorkers({ memoryMi, cronThreads: 1, publishedWorkers: 4 })).toBe(workers)
  })

  it.each(['free', 'pro', 'team', 'enterprise'] as const)(
    '%s never runs exactly one, which would wait for itself',
    (tier) => {
      expect(workersOf(tier, 'fit')).not.toBe(1)
      expect(workersOf(tier, 'published')).not.toBe(1)
    },
  )

  it.each(['free', 'pro', 'team', 'enterprise'] as const)(
    '%s holds what policy fit gives it, crons included',
    (tier) => {
      const { memoryMi, cronThreads } = tiers[tier]
      const workers = workersOf(tier, 'fit')
      const needed = workers === 0 ? 0 : (workers + cronThreads) * 325_000_000
      expect(needed).toBeLessThanOrEqual(memoryMi * 1024 * 1024)
    },
  )
})

describe('the rows of the tiers', () => {
  it('grow from free to enterprise in everything a customer pays for', () => {
    const rows = [tiers.free, tiers.pro, tiers.team, tiers.enterprise]
    for (const key of ['cpuRequestMillis', 'cpuLimitMillis', 'memoryMi', 'filestoreGi', 'connectionLimit'] as const) {
      const column = rows.map((row) => row[key])
      expect({ [key]: column }).toEqual({ [key]: [...new Set(column)].toSorted((a, b) => a - b) })
      expect(column).toHaveLength(new Set(column).size)
    }
  })

  it.each(Object.entries(tiers))('%s lets a request run to its limit before the pod is killed', (_, row) => {
    // Never below 30 s: a WebSocket whose client does not answer the close costs 15 s.
    expect(row.terminationGraceSeconds).toBeGreaterThanOrEqual(30)
    expect(row.limitTimeRealSeconds).toBeGreaterThan(row.limitTimeCpuSeconds)
  })

  it.each(Object.entries(tiers))('%s allows its processes as many connections as it can open', (_, row) => {
    expect(row.connectionLimit).toBeGreaterThanOrEqual(row.dbMaxconn)
  })

  it('leave room for one maintenance Job in each', () => {
    expect(jobEnvelope).toEqual({
      cpuRequestMillis: 100,
      cpuLimitMillis: 1000,
      memoryRequestMi: 256,
      memoryLimitMi: 1024,
    })
  })
})

describe('series of Odoo', () => {
  it.each([
    ['14', 'longpolling_port', undefined, '101:101'],
    ['15', 'longpolling_port', '/web/health', '101:101'],
    ['16', 'gevent_port', '/web/health', '101:101'],
    ['17', 'gevent_port', '/web/health', '101:101'],
    ['18', 'gevent_port', '/web/health', '100:101'],
    ['19', 'gevent_port', '/web/health', '100:101'],
  ] as const)('%s calls its second port %s, is healthy at %s and runs as %s', (version, key, health, user) => {
    const { geventPortKey, healthPath, uid, gid } = series[version]
    expect([geventPortKey, healthPath, `${uid}:${gid}`]).toEqual([key, health, user])
  })
})
