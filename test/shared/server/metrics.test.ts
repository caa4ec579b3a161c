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

  it('can be made twice in one process', () => {
    expect(createMetrics()).not.toBe(createMetrics())
  })

  it('says that its address is taken', async () => {
    const served = await serveMetrics(createMetrics(), { host: '127.0.0.1', port: 0 })
    await expect(serveMetrics(createMetrics(), { host: '127.0.0.1', port: served.port })).rejects.toThrow('EADDRINUSE')
    await served.close()
  })
})
