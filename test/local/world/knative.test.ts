import { describe, expect, it } from 'vitest'
import { isKnativeService, readKnativeService, workloadOf } from '#local/world/knative.ts'

const service = (pod: object = {}, container: object = {}) => ({
  apiVersion: 'serving.knative.dev/v1',
  kind: 'Service',
  metadata: { name: 'sleep', namespace: 'platxa', labels: { 'app.kubernetes.io/part-of': 'platxa' } },
  spec: {
    template: {
      metadata: { annotations: { 'autoscaling.knative.dev/max-scale': '3' } },
      spec: {
        serviceAccountName: 'sleep',
        timeoutSeconds: 60,
        containerConcurrency: 10,
        containers: [{ image: 'platxa-functions', args: ['sleep'], ...container }],
        ...pod,
      },
    },
  },
})
const make = (pod?: object, container?: object) => workloadOf(readKnativeService(service(pod, container)))

describe('a Knative Service on one laptop', () => {
  it('is told from a Service of Kubernetes', () => {
    expect(isKnativeService(service())).toBe(true)
    expect(isKnativeService({ apiVersion: 'v1', kind: 'Service', metadata: {} })).toBe(false)
  })

  it('becomes a Deployment of one pod with its own service account, without what only Knative understands', () => {
    const [deployment] = make()
    expect(deployment.spec).toMatchObject({
      replicas: 1,
      template: { spec: { serviceAccountName: 'sleep', containers: [{ image: 'platxa-functions', args: ['sleep'] }] } },
    })
    expect(deployment.spec?.template.spec).not.toHaveProperty('timeoutSeconds')
    expect(deployment.spec?.template.spec).not.toHaveProperty('containerConcurrency')
  })

  it('is reached on port 80, as its Triggers expect', () => {
    const [deployment, front] = make({}, { ports: [{ containerPort: 9000 }] })
    expect(front.spec?.ports).toEqual([{ name: 'http', port: 80, targetPort: 9000 }])
    expect(deployment.spec?.template.metadata?.labels).toMatchObject(front.spec?.selector ?? { none: 'none' })
  })

  it('gets the variables that Knative sets, after its own', () => {
    const [deployment] = make({}, { env: [{ name: 'A', value: '1' }] })
    const env = deployment.spec?.template.spec?.containers[0]?.env?.map(({ name, value }) => `${name}=${value}`)
    expect(env).toEqual(['A=1', 'PORT=8080', 'K_SERVICE=sleep', 'K_REVISION=sleep-local', 'K_CONFIGURATION=sleep'])
  })

  it.each([
    ['without a probe: the port must accept', {}, { tcpSocket: { port: 8080 } }],
    [
      'with a path: on its own port',
      { readinessProbe: { httpGet: { path: '/health/readiness' } } },
      { httpGet: { path: '/health/readiness', port: 8080 } },
    ],
  ])('is asked whether it is ready, %s', (_, container, probe) => {
    const [deployment] = make({}, container)
    expect(deployment.spec?.template.spec?.containers[0]?.readinessProbe).toMatchObject(probe)
  })
})
