import { describe, expect, it } from 'vitest'
import { factsOf, type Entry, type Facts } from '#functions/wake/instance/entry.ts'
import { wake } from '#functions/wake/events.ts'
import type { Command, Room, Step } from '#functions/wake/instance/life.ts'
import { createRooms, podOf, type Rooms } from '#functions/wake/instance/rooms.ts'
import { stateOf } from '#functions/wake/instance/state.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { facts as demo } from './rooms-of.ts'

function facts(name: string, changes: Partial<Facts> = {}): Facts {
  return { ...demo, name, uid: `uid-${name}`, hosts: [`${name}.example.com`], ...changes }
}

function pod(instance: string, ready: boolean): Parameters<Rooms['pods']>[0] & { readonly type: 'applied' } {
  const seen = { uid: 'pod-1', ip: '10.1.2.3', phase: ready ? ('ready' as const) : ('starting' as const), ready }
  const kept = { uid: 'pod-1', createdAt: '2026-11-23T10:00:00Z', deleting: false, seen, trouble: null }
  return { type: 'applied', object: { instance, uid: 'pod-1', facts: kept } }
}

interface Scene {
  readonly rooms: Rooms
  readonly asked: Command['do'][]
  readonly forgotten: string[]
  readonly conflicts: string[]
  readonly change: (entry: Entry, step: (room: Room, now: number) => Step) => void
}

function scene(...known: readonly Facts[]): Scene {
  const asked: Command['do'][] = []
  const forgotten: string[] = []
  const conflicts: string[] = []
  const change: Scene['change'] = (entry, step) => {
    const { room, commands } = step(entry.room, 1_000)
    entry.room = room
    asked.push(...commands.map((command) => command.do))
  }
  const rooms = createRooms({
    namespacePattern: 'instance-*',
    now: () => 1_000,
    change,
    forget: ({ facts }) => forgotten.push(facts.name),
    onConflict: (host, owner, other) => conflicts.push(`${host}: ${owner}, not ${other}`),
  })
  rooms.deployments({ type: 'synced', objects: known })
  rooms.pods({ type: 'synced', objects: [] })
  return { rooms, asked, forgotten, conflicts, change }
}

const lifeOf = (rooms: Rooms, name: string): string | undefined => rooms.named(name)?.room.life.is

describe('rooms', () => {
  it('know nothing before both watches have told all there is', () => {
    const rooms = createRooms({
      namespacePattern: '*',
      now: () => 0,
      change: () => undefined,
      forget: () => undefined,
      onConflict: () => undefined,
    })
    rooms.deployments({ type: 'synced', objects: [] })
    expect(rooms.synced).toBe(false)
    rooms.pods({ type: 'synced', objects: [] })
    expect(rooms.synced).toBe(true)
  })

  it('are found by every host of theirs, and no longer by one they gave up', () => {
    const { rooms } = scene(facts('demo', { hosts: ['demo.example.com', 'www.demo.com'] }))
    expect(rooms.at('www.demo.com')).toBe(rooms.named('demo'))
    rooms.deployments({ type: 'applied', object: facts('demo', { hosts: ['demo.example.com', 'shop.demo.com'] }) })
    expect(rooms.at('www.demo.com')).toBeUndefined()
    expect(rooms.at('shop.demo.com')).toBe(rooms.named('demo'))
  })

  it('leave a host that two claim with the first, and give it to the second when the first is gone', () => {
    const { rooms, conflicts } = scene(facts('one', { hosts: ['a.com'] }), facts('two', { hosts: ['a.com', 'b.com'] }))
    expect(rooms.at('a.com')?.facts.name).toBe('one')
    expect(conflicts).toEqual(['a.com: one, not two'])
    rooms.deployments({ type: 'deleted', object: facts('one', { hosts: ['a.com'] }) })
    expect(rooms.at('a.com')?.facts.name).toBe('two')
  })

  it('follow a wake that somebody else began, and a sleep', () => {
    const { rooms } = scene(facts('demo'))
    rooms.deployments({ type: 'applied', object: facts('demo', { replicas: 1 }) })
    expect(lifeOf(rooms, 'demo')).toBe('waking')
    rooms.pods(pod('demo', false))
    rooms.pods(pod('demo', true))
    expect(lifeOf(rooms, 'demo')).toBe('awake')
    rooms.deployments({ type: 'applied', object: facts('demo', { replicas: 0 }) })
    expect(lifeOf(rooms, 'demo')).toBe('asleep')
    rooms.pods({ ...pod('demo', true), type: 'deleted' })
    expect(stateOf(rooms.named('demo')!, 1_000).state).toBe('asleep')
  })

  it('know a pod that was seen before its Deployment', () => {
    const { rooms } = scene()
    rooms.pods(pod('demo', true))
    rooms.deployments({ type: 'applied', object: facts('demo', { replicas: 1 }) })
    expect(lifeOf(rooms, 'demo')).toBe('awake')
  })

  it('forget what a new list no longer has, and let in who waits for it', () => {
    const { rooms, forgotten, asked } = scene(facts('demo', { replicas: 1 }), facts('shop'))
    rooms.deployments({ type: 'synced', objects: [facts('shop')] })
    expect(rooms.named('demo')).toBeUndefined()
    expect(rooms.at('demo.example.com')).toBeUndefined()
    expect(forgotten).toEqual(['demo'])
    expect(asked).toContain('let in')
  })

  it('do not take a namesake that was created later for the one before', () => {
    const { rooms, forgotten } = scene(facts('demo'))
    const before = rooms.named('demo')
    rooms.deployments({ type: 'applied', object: facts('demo', { uid: 'another' }) })
    expect(rooms.named('demo')).not.toBe(before)
    expect(forgotten).toEqual(['demo'])
    rooms.deployments({ type: 'deleted', object: facts('demo') })
    expect(rooms.named('demo')).toBeDefined()
  })

  it('are only those whose namespace, name and labels fit together', () => {
    const metadata = {
      name: 'odoo-demo',
      namespace: 'instance-demo',
      uid: 'u',
      resourceVersion: '1',
      labels: { 'app.kubernetes.io/instance': 'demo', 'platxa.io/status': 'active' },
      annotations: { 'platxa.io/hosts': 'Demo.Example.com, www.demo.com', 'platxa.io/recent-wakes': '2310 x 2204' },
    }
    expect(factsOf({ metadata })).toMatchObject({
      name: 'demo',
      hosts: ['demo.example.com', 'www.demo.com'],
      recentWakes: [2310, 2204],
    })
    const annotations = { ...metadata.annotations, 'platxa.io/since': '2026-11-23T10:00:00Z' }
    const since = Date.parse('2026-11-23T10:00:00Z') / 1000
    expect(factsOf({ metadata: { ...metadata, annotations }, spec: { replicas: 1 } as never })?.awakeSince).toBe(since)
    expect(factsOf({ metadata: { ...metadata, annotations }, spec: { replicas: 0 } as never })?.awakeSince).toBeNull()
    expect(factsOf({ metadata: { ...metadata, namespace: 'instance-other' } })).toBeUndefined()
    expect(factsOf({ metadata: { ...metadata, name: 'demo' } })).toBeUndefined()
    expect(factsOf({ metadata: { ...metadata, deletionTimestamp: '2026-11-23T10:00:00Z' } })?.status).toBe('disabled')
    expect(podOf({ metadata: { namespace: 'kube-system', uid: 'p' } })).toBeUndefined()
  })

  it('are not those whose namespace does not match the pattern', () => {
    const { change } = scene()
    const some = createRooms({
      change,
      namespacePattern: 'instance-eu-*',
      now: () => 0,
      forget: () => undefined,
      onConflict: () => undefined,
    })
    some.deployments({ type: 'synced', objects: [facts('eu-1'), facts('us-1')] })
    expect([...some.all()].map((entry) => entry.facts.name)).toEqual(['eu-1'])
  })
})

function requested(data: object, extensions: Record<string, string> = {}): Parameters<typeof wake>[0] {
  const type = 'io.platxa.instance.wake.requested.v1'
  return makeEvent({ type, source: '//test', id: '1', data: { name: 'demo', trigger: 'manual', ...data }, extensions })
}

describe('an event that asks for a wake', () => {
  it('wakes once, however often it is delivered', () => {
    const { rooms, asked, change } = scene(facts('demo'))
    const deps = { rooms, keeper: { change, forget: () => undefined, close: async () => undefined }, now: () => 1_000 }
    expect(wake(requested({}), deps)).toMatchObject({ do: 'done', why: 'it is on its way' })
    expect(wake(requested({}), deps)).toMatchObject({ do: 'done', why: 'it is on its way' })
    expect(asked).toEqual(['scale'])
  })

  it.each([
    ['nobody', { name: 'nobody' }, {}, 'no such instance'],
    [
      'an earlier instance of this name',
      { deploymentUid: 'before' },
      {},
      'it is about an earlier instance of this name',
    ],
    ['somebody who no longer waits', {}, { expirytime: '1970-01-01T00:00:00Z' }, 'the wish has expired'],
  ])('changes nothing for %s', (_whom, data, extensions, why) => {
    const { rooms, asked, change } = scene(facts('demo'))
    const deps = { rooms, keeper: { change, forget: () => undefined, close: async () => undefined }, now: () => 1_000 }
    expect(wake(requested(data, extensions), deps)).toMatchObject({ do: 'done', why })
    expect(asked).toEqual([])
  })

  it('is asked for again while this replica knows nothing yet', () => {
    const { change } = scene()
    const rooms = createRooms({
      namespacePattern: '*',
      now: () => 0,
      change,
      forget: () => undefined,
      onConflict: () => undefined,
    })
    const deps = { rooms, keeper: { change, forget: () => undefined, close: async () => undefined }, now: () => 0 }
    expect(wake(requested({}), deps)).toMatchObject({ do: 'retry' })
  })
})
