// What Knative Serving makes of a Service, reduced to one laptop: a Deployment with one pod and a Kubernetes Service in
// front of it. Pure. No queue-proxy and no scaling: one process per function, always there.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Container, PodSpec, Service } from 'kubernetes-types/core/v1.js'
import { z } from 'zod'

const podTemplate = z.object({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.custom<PodSpec & { readonly timeoutSeconds?: number; readonly containerConcurrency?: number }>(
    (value) => typeof value === 'object' && value !== null,
  ),
})

const knativeService = z.object({
  apiVersion: z.literal('serving.knative.dev/v1'),
  kind: z.literal('Service'),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.object({ template: podTemplate }),
})
export type KnativeService = z.output<typeof knativeService>

export function isKnativeService(object: unknown): boolean {
  return knativeService.pick({ apiVersion: true, kind: true }).safeParse(object).success
}

export function readKnativeService(object: unknown): KnativeService {
  return knativeService.parse(object)
}

const DEFAULT_PORT = 8080
/** Knative waits for `timeoutSeconds`, 300 unless told; Ctrl-C must not. */
const GRACE_SECONDS = 30

/** Deployment and Service, in the order in which they are to be applied. */
export function workloadOf(service: KnativeService): readonly [Deployment, Service] {
  const { name, namespace, labels } = service.metadata
  const { timeoutSeconds: _, containerConcurrency: __, ...pod } = service.spec.template.spec
  const selector = { 'serving.knative.dev/service': name }
  const port = pod.containers[0]?.ports?.[0]?.containerPort ?? DEFAULT_PORT
  const metadata = { name, namespace, labels: { ...labels, ...selector } }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: {
            ...service.spec.template.metadata,
            labels: { ...labels, ...service.spec.template.metadata?.labels, ...selector },
          },
          spec: {
            ...pod,
            terminationGracePeriodSeconds: GRACE_SECONDS,
            containers: pod.containers.map((container) => asKnativeRuns(container, name, port)),
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: [{ name: 'http', port: 80, targetPort: port }] },
    },
  ]
}

/** PORT and K_SERVICE are Knative's to set; a readiness probe without a port means the container's own. */
function asKnativeRuns(container: Container, service: string, port: number): Container {
  const probe = container.readinessProbe
  const path = probe?.httpGet?.path
  const readinessProbe =
    path === undefined
      ? { tcpSocket: { port }, periodSeconds: 1 }
      : { ...probe, periodSeconds: 1, httpGet: { path, port } }
  return {
    ...container,
    name: container.name ?? 'user-container',
    ports: [{ containerPort: port }],
    env: [
      ...(container.env ?? []),
      { name: 'PORT', value: String(port) },
      { name: 'K_SERVICE', value: service },
      { name: 'K_REVISION', value: `${service}-local` },
      { name: 'K_CONFIGURATION', value: service },
    ],
    readinessProbe,
    ...(container.livenessProbe?.httpGet && {
      livenessProbe: { ...container.livenessProbe, httpGet: { ...container.livenessProbe.httpGet, port } },
    }),
  }
}
