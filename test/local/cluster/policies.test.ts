// Policies as nftables rules. That the rules do what they say is for test/cluster/network-policies.ts.
import type { Namespace, Pod } from 'kubernetes-types/core/v1.js'
import type { NetworkPolicy, NetworkPolicySpec } from 'kubernetes-types/networking/v1.js'
import { describe, expect, it } from 'vitest'

import { ruleset } from '#local/cluster/policies.ts'

const namespace = (name: string): Namespace => ({ metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } })
const pod = (ns: string, ip: string, app: string, more: Partial<Pod> = {}): Pod => ({
  metadata: { namespace: ns, name: app, labels: { app } },
  spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] },
  status: { phase: 'Running', podIP: ip },
  ...more,
})
const policy = (ns: string, spec: NetworkPolicySpec): NetworkPolicy => ({
  metadata: { namespace: ns, name: 'p' },
  spec,
})

const pods = [pod('a', '10.0.0.1', 'one'), pod('a', '10.0.0.2', 'two'), pod('b', '10.0.0.3', 'three')]
const namespaces = [namespace('a'), namespace('b')]

function rulesOf(chain: string, spec: NetworkPolicySpec, all: readonly Pod[] = pods): readonly string[] | undefined {
  const text = ruleset({ pods: all, namespaces, policies: [policy('a', spec)] })
  return new RegExp(`chain ${chain} \\{\\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\\n  \\}`)
    .exec(text)?.[1]
    ?.split('\n')
    .map((line) => line.trim())
}

describe('a policy without rules', () => {
  it('leaves a selected pod nothing', () => {
    const spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }
    expect(rulesOf('ingress_10_0_0_1', spec)).toEqual(['counter drop'])
    expect(rulesOf('egress_10_0_0_2', spec)).toEqual(['counter drop'])
  })

  it('does not concern pods of other namespaces, or that it does not select', () => {
    expect(rulesOf('ingress_10_0_0_3', { podSelector: {}, policyTypes: ['Ingress'] })).toBeUndefined()
    const onlyOne = { podSelector: { matchLabels: { app: 'one' } }, policyTypes: ['Ingress'] }
    expect(rulesOf('ingress_10_0_0_2', onlyOne)).toBeUndefined()
  })

  it('of one direction leaves the other open', () => {
    expect(rulesOf('egress_10_0_0_1', { podSelector: {}, policyTypes: ['Ingress'] })).toBeUndefined()
  })
})

const b = { matchLabels: { 'kubernetes.io/metadata.name': 'b' } }
const three = { matchLabels: { app: 'three' } }

describe('what a rule lets in', () => {
  it.each([
    ['everybody, without a list of peers', {}, ['return']],
    ['a port from everybody', { ports: [{ port: 80 }] }, ['tcp dport 80 return']],
    ['a range of ports', { ports: [{ port: 80, endPort: 90 }] }, ['tcp dport 80-90 return']],
    ['UDP alone', { ports: [{ protocol: 'UDP', port: 53 }] }, ['udp dport 53 return']],
    ['a port by its name', { ports: [{ port: 'web' }] }, ['ip daddr 10.0.0.1 tcp dport 8080 return']],
    ['pods of its own namespace', { from: [{ podSelector: {} }] }, ['ip saddr { 10.0.0.1, 10.0.0.2 } return']],
    ['a namespace', { from: [{ namespaceSelector: b }] }, ['ip saddr { 10.0.0.3 } return']],
    [
      'pods of a namespace: both must fit',
      { from: [{ namespaceSelector: b, podSelector: three }] },
      ['ip saddr { 10.0.0.3 } return'],
    ],
    ['nobody, when no pod fits', { from: [{ podSelector: three }] }, []],
    ['addresses', { from: [{ ipBlock: { cidr: '10.9.0.0/16' } }] }, ['ip saddr 10.9.0.0/16 return']],
    [
      'addresses but some',
      { from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] },
      ['meta nfproto ipv4 ip saddr != { 10.0.0.0/8 } return'],
    ],
    ['no addresses of IPv6, which this node does not have', { from: [{ ipBlock: { cidr: '::/0' } }] }, []],
  ])('%s', (_, rule, expected) => {
    const rules = rulesOf('ingress_10_0_0_1', { podSelector: {}, policyTypes: ['Ingress'], ingress: [rule] })
    expect(rules).toEqual([...expected, 'counter drop'])
  })
})

describe('pods that are nowhere', () => {
  it.each([
    ['without an address', { status: { phase: 'Pending' } }],
    ['that have ended', { status: { phase: 'Succeeded', podIP: '10.0.0.9' } }],
    ['on the network of the node', { spec: { containers: [], hostNetwork: true } }],
  ])('%s have no chain', (_, more) => {
    const text = ruleset({
      pods: [pod('a', '10.0.0.9', 'gone', more)],
      namespaces,
      policies: [policy('a', { podSelector: {}, policyTypes: ['Ingress'] })],
    })
    expect(text).not.toContain('10_0_0_9')
  })
})
