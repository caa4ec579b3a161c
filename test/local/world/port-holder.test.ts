import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { listeners, portHolder } from '#local/world/port-holder.ts'

describe('who holds a port', () => {
  it('is found with its process id and command', async () => {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const holder = await portHolder(port)
    expect(holder).toMatchObject({ pid: process.pid, command: expect.stringContaining('node') as string })
    await new Promise((done) => server.close(done))
    expect(await portHolder(port)).toBeUndefined()
  })

  it('is not somebody who is connected to such a port, nor a listener on another one', () => {
    const row = (local: string, state: string, inode: string) =>
      `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0`
    const table = [
      '  sl  local_address …',
      row('0100007F:1F90', '0A', '11'),
      row('0100007F:1F91', '0A', '12'),
      row('0100007F:1F90', '01', '13'),
    ]
    expect(listeners(table.join('\n'), 8080)).toEqual(['11'])
  })
})
