// Every instance by name and by host, fed by two watches. A host that two instances claim stays with the first one.
import type { Pod } from 'kubernetes-types/core/v1.js'
import { instanceOfNamespace, namespaceOf } from '#shared/instance/names.ts'
import type { WatchEvent } from '#shared/k8s/kubernetes.ts'
import { newEntry, type Entry, type Facts } from './entry.ts'
import type { Room, Step } from './life.ts'
import { newRoom, seeWorld } from './room.ts'
import { podFacts, withTold, worldOf, type PodFacts, type Told, type World } from './world.ts'

export interface Rooms {
  /** By a host in its checked spelling. */
  at(host: string): Entry | undefined
  named(name: string): Entry | undefined
  all(): IterableIterator<Entry>
  readonly size: number
  /** Both watches have told the whole truth once; before that "unknown" means "not known yet". */
  readonly synced: boolean
  /** What only Events say of a pod. */
  tell(entry: Entry, told: Told): void
  /** What `factsOf` and `podOf` keep of the objects; undefined for what is none of ours. */
  readonly deployments: (event: WatchEvent<Facts | undefined>) => void
  readonly pods: (event: WatchEvent<InstancePod | undefined>) => void
}

export interface InstancePod {
  readonly instance: string
  readonly uid: string
  /** Undefined for a pod that is over. */
  readonly facts: PodFacts | undefined
}

export function podOf(pod: Pod): InstancePod | undefined {
  const { namespace = '', uid } = pod.metadata ?? {}
  const instance = instanceOfNamespace(namespace)
  return instance === undefined || uid === undefined ? undefined : { instance, uid, facts: podFacts(pod) }
}

export interface RoomsDeps {
  /** NAMESPACE_PATTERN, where `*` stands for anything. */
  readonly namespacePattern: string
  readonly now: () => number
  /** Carries out what the change asks for (keeper.ts). */
  readonly change: (entry: Entry, step: (room: Room, now: number) => Step) => void
  /** The instance is no more: whoever waits must look again. */
  readonly forget: (entry: Entry) => void
  readonly onConflict: (host: string, owner: string, other: string) => void
}

export function createRooms(deps: RoomsDeps): Rooms {
  const byName = new Map<string, Entry>()
  const byHost = new Map<string, Entry>()
  const podsOf = new Map<string, readonly PodFacts[]>()
  const synced = { deployments: false, pods: false }
  const ours = patternOf(deps.namespacePattern)

  function setDeployment(facts: Facts | undefined): void {
    if (facts === undefined || !ours.test(namespaceOf(facts.name))) return
    const before = byName.get(facts.name)
    if (before !== undefined && before.facts.uid !== facts.uid) remove(before)
    const entry = byName.get(facts.name) ?? add(facts)
    const hosts = entry.facts.hosts
    entry.facts = facts
    if (hosts.join() !== facts.hosts.join()) {
      release(
        entry,
        hosts.filter((host) => !facts.hosts.includes(host)),
      )
      claim(entry)
    }
    show(entry)
  }

  function add(facts: Facts): Entry {
    const pods = podsOf.get(facts.name) ?? []
    // A room begins with what it sees: an instance that is awake when this replica starts is simply awake.
    const entry = newEntry(facts, newRoom(sleeping(facts), deps.now()).room, pods)
    byName.set(facts.name, entry)
    claim(entry)
    return entry
  }

  function remove(entry: Entry): void {
    byName.delete(entry.facts.name)
    release(entry, entry.facts.hosts)
    deps.change(entry, (room, now) =>
      seeWorld(room, worldOf({ status: 'disabled', replicas: 0, trouble: null }, []), now),
    )
    deps.forget(entry)
  }

  function claim(entry: Entry): void {
    for (const host of entry.facts.hosts) {
      const owner = byHost.get(host)
      if (owner === undefined) byHost.set(host, entry)
      else if (owner !== entry) deps.onConflict(host, owner.facts.name, entry.facts.name)
    }
  }

  /** Hosts that become free go to whoever else claims them. */
  function release(entry: Entry, hosts: readonly string[]): void {
    const freed = hosts.filter((host) => byHost.get(host) === entry && byHost.delete(host))
    if (freed.length === 0) return
    for (const other of byName.values())
      if (other !== entry && other.facts.hosts.some((host) => freed.includes(host))) claim(other)
  }

  function show(entry: Entry): void {
    const world = withTold(worldOf(entry.facts, entry.pods), entry.told)
    if (!isSame(entry.room.world, world)) deps.change(entry, (room, now) => seeWorld(room, world, now))
  }

  function setPod({ instance, uid, facts }: InstancePod, deleted: boolean): void {
    const others = (podsOf.get(instance) ?? []).filter((known) => known.uid !== uid)
    setPods(instance, facts === undefined || deleted ? others : [...others, facts])
  }

  function setPods(name: string, pods: readonly PodFacts[]): void {
    if (pods.length === 0) podsOf.delete(name)
    else podsOf.set(name, pods)
    const entry = byName.get(name)
    if (entry === undefined) return
    entry.pods = pods
    show(entry)
  }

  function replaceDeployments(all: readonly (Facts | undefined)[]): void {
    const uids = new Set(all.map((facts) => facts?.uid))
    for (const entry of byName.values()) if (!uids.has(entry.facts.uid)) remove(entry)
    for (const facts of all) setDeployment(facts)
    synced.deployments = true
  }

  function replacePods(all: readonly (InstancePod | undefined)[]): void {
    const gone = new Set(podsOf.keys())
    const known = all.filter((pod) => pod !== undefined)
    for (const [name, pods] of Map.groupBy(known, (pod) => pod.instance)) {
      gone.delete(name)
      setPods(
        name,
        pods.map(({ facts }) => facts).filter((facts) => facts !== undefined),
      )
    }
    for (const name of gone) setPods(name, [])
    synced.pods = true
  }

  return {
    at: (host) => byHost.get(host),
    named: (name) => byName.get(name),
    all: () => byName.values(),
    get size() {
      return byName.size
    },
    get synced() {
      return synced.deployments && synced.pods
    },
    tell(entry, told) {
      entry.told = told
      show(entry)
    },
    deployments(event) {
      if (event.type === 'synced') replaceDeployments(event.objects)
      else if (event.type === 'applied') setDeployment(event.object)
      else {
        const entry = byName.get(event.object?.name ?? '')
        if (entry !== undefined && entry.facts.uid === event.object?.uid) remove(entry)
      }
    },
    pods(event) {
      if (event.type === 'synced') replacePods(event.objects)
      else if (event.object !== undefined) setPod(event.object, event.type === 'deleted')
    },
  }
}

function sleeping({ status }: Facts): World {
  return worldOf({ status, replicas: 0, trouble: null }, [])
}

/** Most watch events change nothing that matters here: a heartbeat, an annotation. */
function isSame(a: World, b: World): boolean {
  if (a === b) return true
  return (
    a.status === b.status &&
    a.replicas === b.replicas &&
    a.stopping === b.stopping &&
    a.trouble?.detail === b.trouble?.detail &&
    a.pod?.uid === b.pod?.uid &&
    a.pod?.ip === b.pod?.ip &&
    a.pod?.phase === b.pod?.phase &&
    a.pod?.ready === b.pod?.ready
  )
}

function patternOf(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .split('*')
      .map((part) => part.replace(/[^a-z0-9-]/g, '\\$&'))
      .join('.*')}$`,
  )
}
