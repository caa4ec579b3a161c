// The few ways in and out of an Odoo pod. Odoo believes forwarded headers, so this policy is part of authentication.
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from 'kubernetes-types/networking/v1.js'
import { labelKeys, objectNames, ports } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { mayMail, type InstanceSpec } from './spec.ts'

/** A label that Kubernetes sets itself: one of our own could be copied onto another namespace. */
const namespaceName = 'kubernetes.io/metadata.name'
/** The cluster, its neighbours, carrier NAT, loopback, and link-local with the cloud's metadata address. */
const notPublic4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8']
const notPublic6 = ['fc00::/7', 'fe80::/10']
/** SMTP submission, IMAP and POP with TLS. Not 25: instances do not deliver mail to strangers' servers. */
const mailPorts = [465, 587, 993, 995]

export function odooInstancePolicy(spec: InstanceSpec, platform: Platform): Desired<NetworkPolicy> {
  const internet = internetOf(platform)
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(spec, objectNames.networkPolicy),
    spec: {
      // Maintenance Jobs bear the instance's label too and need the same ways out.
      podSelector: { matchLabels: { [labelKeys.instance]: spec.name } },
      policyTypes: ['Ingress', 'Egress'],
      // Kubelet probes need no rule.
      ingress: [{ from: [frontDoor(platform)], ports: tcp(ports.http, ports.websocket) }],
      egress: [
        dns(platform),
        postgres(platform),
        { to: internet, ports: tcp(443) },
        ...(mayMail(spec) ? [{ to: internet, ports: tcp(...mailPorts) }] : []),
      ],
    },
  }
}

function frontDoor(platform: Platform): NetworkPolicyPeer {
  return {
    namespaceSelector: { matchLabels: { [namespaceName]: platform.wakeNamespace } },
    podSelector: { matchExpressions: [{ key: labelKeys.name, operator: 'In', values: ['traefik', 'wake'] }] },
  }
}

function dns(platform: Platform): NetworkPolicyEgressRule {
  return {
    to: [
      // One peer with both selectors means "and"; two peers would open all of kube-system.
      {
        namespaceSelector: { matchLabels: { [namespaceName]: 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
      ...(platform.nodeLocalDns ? [{ ipBlock: { cidr: '169.254.20.10/32' } }] : []),
    ],
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  }
}

function postgres({ postgres: { peer, port } }: Platform): NetworkPolicyEgressRule {
  const to: NetworkPolicyPeer[] =
    'cidrs' in peer
      ? peer.cidrs.map((cidr) => ({ ipBlock: { cidr } }))
      : [
          {
            namespaceSelector: { matchLabels: { [namespaceName]: peer.namespace } },
            podSelector: { matchLabels: { ...peer.labels } },
          },
        ]
  return { to, ports: tcp(port) }
}

function internetOf(platform: Platform): NetworkPolicyPeer[] {
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: notPublic4 } },
    ...(platform.ipv6Egress ? [{ ipBlock: { cidr: '::/0', except: notPublic6 } }] : []),
  ]
}

function tcp(...numbers: readonly number[]): NetworkPolicyPort[] {
  return numbers.map((port) => ({ protocol: 'TCP', port }))
}
