import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { answering, get, ok, openDoor, startInstance } from './ends.ts'

const HEAD = /\r\n\r\n/
const post = 'POST / HTTP/1.1\r\nHost: demo.localhost\r\nContent-Length: 4\r\n\r\nbody'

describe('wake / forward: four limits with four names', () => {
  it('says that nothing was sent when nobody listens', async () => {
    const instance = await startInstance()
    await instance.stop()
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    expect(await client.until(HEAD)).toMatch(/^HTTP\/1.1 502 /)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'unsent', error: { fault: 'connect', status: 502 } })
  })

  it('gives up connecting after the connect limit', async () => {
    const port = await deafPort()
    const door = await openDoor({ host: '127.0.0.1', port }, { limits: { connectMs: 150 } })
    const started = performance.now()
    await door.ask(get())
    expect(await door.outcome(0)).toMatchObject({ outcome: 'unsent', error: { fault: 'connect' } })
    expect(performance.now() - started).toBeGreaterThanOrEqual(140)
  })

  it('answers 504 when the first byte does not come, and cancels the request', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { firstByteMs: 100 } })
    const client = await door.ask(post)
    expect(await client.until(HEAD)).toMatch(/^HTTP\/1.1 504 /)
    expect(await (await instance.connection(0)).gone()).toBeDefined()
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'first byte', status: 504 } })
  })

  it('does not count the upload into the wait for the first byte', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { firstByteMs: 200, idleMs: 2_000 } })
    const client = await door.ask(post.slice(0, -4))
    const end = await instance.connection(0)
    for (const byte of 'body') {
      await new Promise((resolve) => setTimeout(resolve, 100))
      client.send(byte)
    }
    await end.until(/body/)
    end.send(ok('fine'))
    await client.until(/fine/)
  })

  it('cuts an answer that stops moving', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { idleMs: 100 } })
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    await client.until(/half/)
    await client.gone()
    await end.gone()
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'idle' } })
  })

  it('does not cut an answer that moves slowly', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { idleMs: 200 } })
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n')
    for (const byte of '12345678') {
      await new Promise((resolve) => setTimeout(resolve, 60))
      end.send(byte)
    }
    await client.until(/12345678/)
    expect(await door.outcome(0)).toEqual({ outcome: 'answered', status: 200 })
  })

  it('cuts an upload whose client stops sending', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { idleMs: 100 } })
    const client = await door.ask(post.slice(0, -2))
    const end = await instance.connection(0)
    await end.until(/bo$/)
    await end.gone()
    expect(await client.until(HEAD)).toMatch(/^HTTP\/1.1 504 [^]*Connection: close/)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'idle' } })
  })

  it('cuts a client that does not take its answer', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { idleMs: 200 } })
    const client = await door.ask(get())
    client.socket.pause()
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(ok('x'.repeat(30_000_000)))
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'idle' } })
  })

  it('closes a kept socket that nobody used for long', async () => {
    const instance = await startInstance(answering(ok('one')))
    const door = await openDoor(instance.target, { limits: { keepMs: 100 } })
    await (await door.ask(get())).until(/one/)
    expect(await (await instance.connection(0)).gone()).toBe('clean')
  })
})

describe('wake / forward: somebody goes', () => {
  it.each([
    ['before the answer', ''],
    ['in mid-body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('cancels the request at the instance when the client goes %s', async (_when, sent) => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    if (sent !== '') {
      end.send(sent)
      await client.until(/half/)
    }
    client.socket.destroy()
    await end.gone()
    expect(await door.outcome(0)).toEqual({ outcome: 'client gone' })
  })

  it('does not hand a truncated upload to the instance as a whole one', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(
      'POST / HTTP/1.1\r\nHost: demo.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    )
    const end = await instance.connection(0)
    await end.until(/abc\r\n/)
    client.socket.destroy()
    await end.gone()
    expect(end.text).not.toContain('0\r\n')
  })

  it.each([
    ['a length', 'Content-Length: 10\r\n\r\nhalf'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('cuts the client when the instance goes in a body with %s', async (_framing, sent) => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(`HTTP/1.1 200 OK\r\n${sent}`)
    await client.until(/half(\r\n)?/)
    end.socket.end()
    await client.gone()
    expect(client.text).toBe('')
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'instance gone' } })
  })

  it('cuts the client when the instance resets a body that ends with the connection', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\n\r\nhalf')
    await client.until(/half\r\n/)
    end.socket.resetAndDestroy()
    await client.gone()
    expect(client.text).not.toContain('0\r\n')
  })

  it('answers 502 when the instance goes before its answer', async () => {
    const instance = await startInstance((end) => end.socket.once('data', () => end.socket.end()))
    const door = await openDoor(instance.target)
    expect(await (await door.ask(post)).until(HEAD)).toMatch(/^HTTP\/1.1 502 /)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'instance gone' } })
    expect(instance.ends).toHaveLength(1)
  })
})

describe('wake / forward: only what was never sent is sent again', () => {
  it('asks again on a new socket when a kept one dies under a GET', async () => {
    const instance = await startInstance((end, index) => {
      if (index > 0) answering(ok('second'))(end)
      else answering(ok('first'))(end)
      if (index === 0) end.socket.on('data', () => end.bytes > 300 && end.socket.destroy())
    })
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    await client.until(/first/)
    await client.send(get('/', `X: ${'x'.repeat(300)}`)).until(/first|second/)
    expect(instance.ends.length).toBeLessThanOrEqual(2)
  })

  it('does not ask a GET again that an instance let wait for too long', async () => {
    const instance = await startInstance((end) => end.socket.once('data', () => end.send(ok('first'))))
    const door = await openDoor(instance.target, { limits: { firstByteMs: 100 } })
    const client = await door.ask(get())
    await client.until(/first/)
    expect(await client.send(get()).until(HEAD)).toMatch(/^HTTP\/1.1 504 /)
    expect(instance.ends).toHaveLength(1)
  })

  it('asks a GET again once, not for ever', async () => {
    const instance = await startInstance((end, index) => {
      if (index === 0)
        end.socket.once('data', () => end.send(ok('first')).socket.once('data', () => end.socket.destroy()))
      else end.socket.once('data', () => end.socket.destroy())
    })
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    await client.until(/first/)
    expect(await client.send(get()).until(HEAD)).toMatch(/^HTTP\/1.1 502 /)
    expect(instance.ends).toHaveLength(2)
  })

  it('never asks a POST again that was written', async () => {
    const instance = await startInstance((end, index) => {
      if (index === 0)
        end.socket.once('data', () => end.send(ok('first')).socket.once('data', () => end.socket.destroy()))
    })
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    await client.until(/first/)
    expect(await client.send(post).until(HEAD)).toMatch(/^HTTP\/1.1 502 /)
    expect(instance.ends).toHaveLength(1)
    expect(await door.outcome(1)).toMatchObject({ outcome: 'broken', error: { fault: 'instance gone' } })
  })

  it('does not send a POST on a socket that has been idle for long', async () => {
    const instance = await startInstance(answering(ok('first')))
    const door = await openDoor(instance.target, { limits: { freshMs: 50 } })
    const client = await door.ask(get())
    await client.until(/first/)
    await new Promise((resolve) => setTimeout(resolve, 150))
    client.send(post)
    await (await instance.connection(1)).until(/body/)
  })

  it('sends nothing on a socket that the instance closed while it was idle', async () => {
    const instance = await startInstance((end, index) => {
      if (index === 0) end.socket.once('data', () => end.send(ok('first')).socket.end())
      else answering(ok('second'))(end)
    })
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    await client.until(/first/)
    await (await instance.connection(0)).gone()
    await client.send(get()).until(/second/)
    expect(instance.ends[0]?.text).not.toMatch(/GET[^]*GET/)
  })
})

/** A port that lets connections hang: its thread sleeps, and its backlog is full. */
async function deafPort(): Promise<number> {
  const source = `
    const { createServer } = require('node:net'), { parentPort } = require('node:worker_threads')
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    })`
  const worker = new Worker(source, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  onTestFinished(() => fillers.forEach((socket) => socket.destroy()))
  await new Promise((resolve) => setTimeout(resolve, 50))
  return port
}
