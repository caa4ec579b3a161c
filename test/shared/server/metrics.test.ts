import { describe, expect, it } from 'vitest'
import { createMetrics, serveMetrics } from '#shared/server/metrics.ts'

describe('shared/server/metrics', () => {
  it('serves the process metrics at /metrics, and nothing else', async () => {
    const served = await serveMetrics(createMetrics(), { host: '127.0.0.1', port: 0 })
    const url = `http://127.0.0.1:${served.port}`
    const response = await fetch(`${url}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await response.text()).toContain('process_resident_memory_bytes')
    expect((await fetch(url)).status).toBe(404)
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
    await served.close()
    await expect(fetch(`${url}/metrics`)).rejects.toThrow('fetch failed')
  })

  it('says how busy the event loop was, and nothing that needs a timer to know', async () => {
    const metrics = createMetrics()
    await metrics.metrics()
    const until = performance.now() + 50
    while (performance.now() < until);
    const text = await metrics.metrics()
    expect(Number(/^nodejs_eventloop_utilization_ratio (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0)
    expect(text).not.toMatch(/^nodejs_eventloop_lag_\w+_seconds/m)
  })

  it('can be made twice in one process', () => {
    expect(createMetrics()).not.toBe(createMetrics())
  })

  it('says that its address is taken', async () => {
    const served = await serveMetrics(createMetrics(), { host: '127.0.0.1', port: 0 })
    await expect(serveMetrics(createMetrics(), { host: '127.0.0.1', port: served.port })).rejects.toThrow('EADDRINUSE')
    await served.close()
  })
})
