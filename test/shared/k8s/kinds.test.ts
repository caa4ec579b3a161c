import { describe, expect, it } from 'vitest'

import { collectionPath, kindOf, objectPath, refOf, WrongRef } from '#shared/k8s/kinds.ts'

const core = { apiVersion: 'v1' }
const apps = { apiVersion: 'apps/v1' }

describe('the path of', () => {
  it.each([
    ['a namespace', { ...core, kind: 'Namespace', name: 'a' }, '/api/v1/namespaces/a'],
    ['a pod', { ...core, kind: 'Pod', namespace: 'n', name: 'a' }, '/api/v1/namespaces/n/pods/a'],
    [
      'a Deployment',
      { ...apps, kind: 'Deployment', namespace: 'n', name: 'a' },
      '/apis/apps/v1/namespaces/n/deployments/a',
    ],
    [
      'an Ingress',
      { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'n', name: 'a' },
      '/apis/networking.k8s.io/v1/namespaces/n/ingresses/a',
    ],
    [
      'a Knative Service, which is not a Service',
      { apiVersion: 'serving.knative.dev/v1', kind: 'Service', namespace: 'n', name: 'a' },
      '/apis/serving.knative.dev/v1/namespaces/n/services/a',
    ],
    [
      'a role with a colon in its name',
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'system:node' },
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    ],
    ['a name that tries to leave', { ...core, kind: 'Node', name: '../secrets' }, '/api/v1/nodes/..%2Fsecrets'],
  ])('%s', (_, ref, path) => {
    expect(objectPath(ref)).toBe(path)
  })

  it('a subresource', () => {
    const ref = { ...apps, kind: 'Deployment', namespace: 'n', name: 'a' }
    expect(objectPath(ref, 'scale')).toBe('/apis/apps/v1/namespaces/n/deployments/a/scale')
  })

  it.each([
    ['all pods', { ...core, kind: 'Pod' }, '/api/v1/pods'],
    ['the pods of one namespace', { ...core, kind: 'Pod', namespace: 'n' }, '/api/v1/namespaces/n/pods'],
    ['all nodes', { ...core, kind: 'Node' }, '/api/v1/nodes'],
  ])('%s', (_, kind, path) => {
    expect(collectionPath(kind)).toBe(path)
  })
})

describe('a reference is refused when', () => {
  it.each([
    ['its kind is unknown', () => objectPath({ ...apps, kind: 'Deplyoment', namespace: 'n', name: 'a' }), 'Deplyoment'],
    ['its kind is of another group', () => collectionPath({ ...core, kind: 'Deployment' }), 'Deployment of v1'],
    [
      'its kind is a word that every object knows',
      () => collectionPath({ ...core, kind: 'constructor' }),
      'constructor',
    ],
    ['it needs a namespace', () => objectPath({ ...core, kind: 'Pod', name: 'a' }), 'the Pod a needs a namespace'],
    [
      'it cannot have one',
      () => collectionPath({ ...core, kind: 'Node', namespace: 'n' }),
      'a Node is in no namespace',
    ],
    ['its name is empty', () => objectPath({ ...core, kind: 'Node', name: '' }), 'no name'],
    ['its name is a way up', () => objectPath({ ...core, kind: 'Node', name: '..' }), 'no name'],
    ['an object does not say its kind', () => kindOf({ metadata: { name: 'a' } }), 'apiVersion and kind'],
    [
      'an object has no namespace',
      () => kindOf({ ...core, kind: 'Pod', metadata: { name: 'a' } }),
      'metadata.namespace',
    ],
    ['an object has no name', () => refOf({ ...core, kind: 'Node' }), 'metadata.name'],
  ])('%s', (_, attempt, words) => {
    expect(attempt).toThrow(WrongRef)
    expect(attempt).toThrow(words)
  })
})
