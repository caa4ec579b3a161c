import { createServer, type RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { ask } from '#shared/server/ask.ts'
import { listen } from '#shared/server/listen.ts'

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

async function serverOf(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  closing.push(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/there?a=1`
}

describe('shared/server/ask', () => {
  it('gives status, headers and the whole text, and follows no redirect', async () => {
    const url = await serverOf((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => {
        response.writeHead(307, { location: '/elsewhere' }).end(`${request.method} ${request.url} ${text}`)
      })
    })
    const answer = await ask(url, { method: 'POST', body: 'ä', signal: AbortSignal.timeout(10_000) })
    expect(answer).toMatchObject({ status: 307, headers: { location: '/elsewhere' }, text: 'POST /there?a=1 ä' })
  })

  it.each([
    ['before the answer', (): void => undefined],
    ['in the middle of it', (begin: () => void) => begin()],
  ])('gives up with the reason of the signal %s', async (_when, how) => {
    const giveUp = new AbortController()
    const url = await serverOf((_request, response) => {
      how(() => response.writeHead(200, { 'content-length': '100' }).write('half'))
      setTimeout(() => giveUp.abort(new Error('enough')), 50)
    })
    await expect(ask(url, { method: 'GET', signal: giveUp.signal })).rejects.toThrow('enough')
  })

  it('says what the socket says when the answer breaks off', async () => {
    const url = await serverOf((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    const asked = ask(url, { method: 'GET', signal: AbortSignal.timeout(10_000) })
    await expect(asked).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})
