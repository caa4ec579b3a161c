import { describe, expect, it } from 'vitest'
import { answering, get, ok, openDoor, startInstance } from './ends.ts'

const HEAD = /\r\n\r\n/

describe('wake / connection / pool', () => {
  it('opens no more sockets to an instance than it may, and serves who waits in turn', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { sockets: 2 } })
    const clients = []
    for (const path of ['/1', '/2', '/3', '/4']) clients.push(await door.ask(get(path)))
    const first = await instance.connection(0)
    await first.until(HEAD)
    first.send(ok('done'))
    expect(await first.until(HEAD)).toMatch(/^GET \/3 /)
    first.send(ok('done'))
    expect(await first.until(HEAD)).toMatch(/^GET \/4 /)
    expect(instance.ends).toHaveLength(2)
  })

  it('gives the place of a broken socket to who waits', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { sockets: 1 } })
    await door.ask(get('/1'))
    const first = await instance.connection(0)
    await door.ask(get('/2'))
    first.socket.destroy()
    expect(await (await instance.connection(1)).until(HEAD)).toMatch(/^GET \/2 /)
  })

  it('turns away who finds the queue full', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { sockets: 1, queue: 1 } })
    await door.ask(get('/1'))
    await (await instance.connection(0)).until(HEAD)
    await door.ask(get('/2'))
    expect(await (await door.ask(get('/3'))).until(HEAD)).toMatch(/^HTTP\/1.1 503 /)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'unsent', error: { fault: 'queue full' } })
  })

  it('does not let anyone wait for a place for ever', async () => {
    const instance = await startInstance(
      (end, index) => void (index === 0 && end.socket.on('data', () => end.send('HTTP/1.1 103 Early Hints\r\n\r\n'))),
    )
    const door = await openDoor(instance.target, { limits: { sockets: 1, firstByteMs: 100, idleMs: 5_000 } })
    await door.ask(`POST / HTTP/1.1\r\nHost: demo.localhost\r\nContent-Length: 9\r\n\r\nwaiting`)
    await (await instance.connection(0)).until(/waiting/)
    expect(await (await door.ask(get('/2'))).until(HEAD)).toMatch(/^HTTP\/1.1 504 /)
    expect(door.outcomes[0]).toMatchObject({ outcome: 'unsent', error: { fault: 'first byte' } })
  })

  it('forgets who goes while waiting', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target, { limits: { sockets: 1 } })
    await door.ask(get('/1'))
    const first = await instance.connection(0)
    await first.until(HEAD)
    const second = await door.ask(get('/2'))
    second.socket.destroy()
    expect(await door.outcome(0)).toEqual({ outcome: 'client gone' })
    await door.ask(get('/3'))
    first.send(ok('done'))
    expect(await first.until(HEAD)).toMatch(/^GET \/3 /)
  })

  it('uses the socket next that was used last', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const clients = [await door.ask(get('/1')), await door.ask(get('/2'))]
    const ends = [await instance.connection(0), await instance.connection(1)]
    for (const end of ends) await end.until(HEAD)
    ends[1]?.send(ok('done'))
    await clients[1]?.until(/done/)
    ends[0]?.send(ok('done'))
    await clients[0]?.until(/done/)
    await door.ask(get('/3'))
    expect(await ends[0]?.until(HEAD)).toMatch(/^GET \/3 /)
  })

  it('closes what is idle at once, and what is in use after its answer, when an instance is released', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const clients = [await door.ask(get('/1')), await door.ask(get('/2'))]
    const [busy, idle] = [await instance.connection(0), await instance.connection(1)]
    await idle.until(HEAD)
    idle.send(ok('done'))
    await clients[1]?.until(/done/)
    door.forwarder.release(instance.target)
    await idle.gone()
    await busy.until(HEAD)
    busy.send(ok('done'))
    await clients[0]?.until(/done/)
    await busy.gone()
  })

  it('cuts everything when it closes', async () => {
    const instance = await startInstance(answering(`HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf`))
    const door = await openDoor(instance.target, { limits: { sockets: 1 } })
    const first = await door.ask(get())
    await first.until(/half/)
    const second = await door.ask(get())
    await new Promise((resolve) => setTimeout(resolve, 30))
    await door.forwarder.close()
    await first.gone()
    expect(await second.until(HEAD)).toMatch(/^HTTP\/1.1 503 /)
    expect(await instance.ends[0]?.gone()).toBeDefined()
  })
})
