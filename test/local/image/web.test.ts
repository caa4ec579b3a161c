import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { web } from '#local/image/web.ts'

const source = new URL('../../../local/image/web.ts', import.meta.url).href

describe('the classes of fetch that the image has', () => {
  it("are Node's own as soon as one is made", async () => {
    const response = new web.Response('text', { status: 201, headers: { a: 'b' } }) as Response
    expect(response).toBeInstanceOf(Response)
    expect(response).toBeInstanceOf(web.Response)
    expect([response.status, response.headers.get('a'), await response.text()]).toEqual([201, 'b', 'text'])
    expect(new Response('another')).toBeInstanceOf(web.Response)
  })

  it('can have subclasses, which know their own', () => {
    class Special extends web.Headers {}
    expect(new Special({ a: 'b' })).toBeInstanceOf(Special)
    expect(new Special({ a: 'b' })).toBeInstanceOf(Headers)
    expect(new Headers()).not.toBeInstanceOf(Special)
  })

  it('load undici no earlier', async () => {
    const script = `
      const { web } = await import('${source}')
      const isLoaded = () => process.moduleLoadList.some((name) => name.includes('undici'))
      const before = [isLoaded(), {} instanceof web.Headers, isLoaded()]
      new web.Headers()
      console.log(JSON.stringify([...before, isLoaded()]))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(JSON.parse(stdout)).toEqual([false, false, false, true])
  })
})
