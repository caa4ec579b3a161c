// NetworkPolicies as one nftables table: what the API promises, for one node and IPv4. Pure.
//
// A pod that a policy selects has a chain per direction, which ends in drop. Traffic of the node itself (probes) is in
// neither: it is not forwarded. Services are already resolved here, so rules see the pods' own addresses.
import type { Namespace, Pod } from 'kubernetes-types/core/v1.js'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from 'kubernetes-types/networking/v1.js'

import { selects } from './selector.ts'

export const TABLE = 'platxa_policies'

export interface PolicyWorld {
  readonly pods: readonly Pod[]
  readonly namespaces: readonly Namespace[]
  readonly policies: readonly NetworkPolicy[]
}

type Direction = 'Ingress' | 'Egress'

/** For `nft -f`: replaces the table as a whole, in one transaction. */
export function ruleset(world: PolicyWorld): string {
  const pods = world.pods.filter(isReachable)
  const chains: string[] = []
  const jumps: Record<Direction, string[]> = { Ingress: [], Egress: [] }
  for (const pod of pods) {
    for (const direction of ['Ingress', 'Egress'] as const) {
      const rules = rulesFor(pod, direction, { ...world, pods })
      if (rules === undefined) continue
      const name = `${direction.toLowerCase()}_${addressOf(pod).replaceAll('.', '_')}`
      const lines = [...new Set(rules), 'counter drop'].map((rule) => `    ${rule}`)
      chains.push(`  chain ${name} {`, ...lines, '  }')
      jumps[direction].push(`${addressOf(pod)} : jump ${name}`)
    }
  }
  const established = '    ct state established,related accept'
  const leaving = vmap('saddr', jumps.Egress)
  return [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...chains,
    '  chain forwarded {',
    '    type filter hook forward priority filter - 5',
    established,
    ...leaving,
    ...vmap('daddr', jumps.Ingress),
    '  }',
    '  chain to_node {', // the API server lives there
    '    type filter hook input priority filter - 5',
    established,
    ...leaving,
    '  }',
    '}',
    '',
  ].join('\n')
}

function vmap(field: 'saddr' | 'daddr', jumps: readonly string[]): readonly string[] {
  return jumps.length === 0 ? [] : [`    ip ${field} vmap { ${jumps.join(', ')} }`]
}

/** Undefined when no policy of this direction selects the pod: then everything is allowed. */
function rulesFor(pod: Pod, direction: Direction, world: PolicyWorld): readonly string[] | undefined {
  const selecting = world.policies.filter(
    ({ metadata, spec }) =>
      metadata?.namespace === pod.metadata?.namespace &&
      spec?.policyTypes?.includes(direction) === true &&
      selects(spec.podSelector ?? {}, pod.metadata?.labels ?? {}),
  )
  if (selecting.length === 0) return undefined
  return selecting.flatMap(({ metadata, spec }) => {
    const namespace = metadata?.namespace ?? ''
    return direction === 'Ingress'
      ? (spec?.ingress ?? []).flatMap(({ from, ports }) =>
          peers('saddr', namespace, from, world).flatMap(({ match }) => accept(match, ports, [pod])),
        )
      : (spec?.egress ?? []).flatMap(({ to, ports }) =>
          peers('daddr', namespace, to, world).flatMap(({ match, pods }) => accept(match, ports, pods)),
        )
  })
}

interface Peer {
  readonly match: string
  /** Whose named ports may be meant. */
  readonly pods: readonly Pod[]
}

/** No list, or an empty one, means everybody. */
function peers(
  field: 'saddr' | 'daddr',
  namespace: string,
  list: readonly NetworkPolicyPeer[] | undefined,
  world: PolicyWorld,
): readonly Peer[] {
  if (list === undefined || list.length === 0) return [{ match: '', pods: world.pods }]
  return list.flatMap(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) {
      if (ipBlock.cidr.includes(':')) return []
      const except = (ipBlock.except ?? []).filter((range) => !range.includes(':'))
      const but = except.length === 0 ? '' : ` ip ${field} != { ${except.join(', ')} }`
      const all = ipBlock.cidr === '0.0.0.0/0' ? 'meta nfproto ipv4' : `ip ${field} ${ipBlock.cidr}`
      return [{ match: `${all}${but}`, pods: [] }]
    }
    const inside = world.namespaces
      .filter(({ metadata }) =>
        namespaceSelector === undefined
          ? metadata?.name === namespace
          : selects(namespaceSelector, metadata?.labels ?? {}),
      )
      .map(({ metadata }) => metadata?.name)
    const pods = world.pods.filter(
      ({ metadata }) => inside.includes(metadata?.namespace) && selects(podSelector ?? {}, metadata?.labels ?? {}),
    )
    return pods.length === 0 ? [] : [{ match: `ip ${field} { ${pods.map(addressOf).join(', ')} }`, pods }]
  })
}

function accept(match: string, ports: readonly NetworkPolicyPort[] | undefined, receivers: readonly Pod[]): string[] {
  const wanted = ports === undefined || ports.length === 0 ? [''] : ports.flatMap((port) => portMatch(port, receivers))
  return wanted.map((port) => [match, port, 'return'].filter(Boolean).join(' '))
}

function portMatch({ port, protocol = 'TCP', endPort }: NetworkPolicyPort, receivers: readonly Pod[]): string[] {
  const kind = protocol.toLowerCase()
  if (port === undefined) return [`meta l4proto ${kind}`]
  const number = Number(port)
  if (Number.isInteger(number)) return [`${kind} dport ${number}${endPort === undefined ? '' : `-${endPort}`}`]
  return receivers.flatMap((pod) =>
    (pod.spec?.containers ?? [])
      .flatMap((container) => container.ports ?? [])
      .filter((one) => one.name === port && (one.protocol ?? 'TCP') === protocol)
      .map((one) => `ip daddr ${addressOf(pod)} ${kind} dport ${one.containerPort}`),
  )
}

function isReachable({ spec, status }: Pod): boolean {
  return Boolean(status?.podIP) && spec?.hostNetwork !== true && !/^(Succeeded|Failed)$/.test(status?.phase ?? '')
}

function addressOf({ status }: Pod): string {
  return status?.podIP ?? ''
}
