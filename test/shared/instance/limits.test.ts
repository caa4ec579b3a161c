import { describe, expect, it } from 'vitest'
import { limitRange } from '#shared/instance/limit-range.ts'
import { bytesOf, cpu, mebibytes } from '#shared/instance/quantity.ts'
import { resourceQuota } from '#shared/instance/resource-quota.ts'
import { volumeClaims } from '#shared/instance/volume-claims.ts'
import { platformOf, specOf } from './builders.ts'

describe('the quota', () => {
  it.each([
    ['free', '350m', '2', '768Mi', '1536Mi', '3Gi'],
    ['pro', '600m', '3', '1280Mi', '2Gi', '21Gi'],
    ['team', '1100m', '5', '2304Mi', '3Gi', '52Gi'],
    ['enterprise', '2100m', '9', '4352Mi', '5Gi', '205Gi'],
  ] as const)('of %s is the published row: %s of %s cpu, %s of %s memory, %s', (tier, ...row) => {
    const [requestsCpu, limitsCpu, requestsMemory, limitsMemory, storage] = row
    expect(resourceQuota(specOf({ tier }), platformOf({ POOLER: 'off' })).spec?.hard).toEqual({
      'requests.cpu': requestsCpu,
      'limits.cpu': limitsCpu,
      'requests.memory': requestsMemory,
      'limits.memory': limitsMemory,
      pods: '3',
      persistentvolumeclaims: '3',
      'requests.storage': storage,
      services: '3',
      'services.nodeports': '0',
      'services.loadbalancers': '0',
      secrets: '6',
      configmaps: '4',
      'count/deployments.apps': '1',
      'count/jobs.batch': '3',
      'count/ingresses.networking.k8s.io': '3',
    })
  })

  it('grows by the pooler where there is one', () => {
    expect(resourceQuota(specOf({ tier: 'free' }), platformOf()).spec?.hard).toMatchObject({
      'requests.cpu': '360m',
      'limits.cpu': '2100m',
      'requests.memory': '784Mi',
      'limits.memory': '1568Mi',
    })
  })
})

describe('the limits', () => {
  it.each([
    ['free', '1', '1Gi', '1Gi'],
    ['pro', '2', '1Gi', '10Gi'],
    ['team', '4', '2Gi', '25Gi'],
    ['enterprise', '8', '4Gi', '100Gi'],
  ] as const)('of %s let a container have %s cpu and %s, a volume %s', (tier, maxCpu, maxMemory, maxStorage) => {
    expect(limitRange(specOf({ tier })).spec?.limits).toEqual([
      {
        type: 'Container',
        default: { cpu: '500m', memory: '256Mi' },
        defaultRequest: { cpu: '50m', memory: '128Mi' },
        min: { cpu: '10m', memory: '16Mi' },
        max: { cpu: maxCpu, memory: maxMemory },
      },
      { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: maxStorage } },
    ])
  })

  it('let a volume keep what a larger tier gave it', () => {
    const [, volume] = limitRange(specOf({ tier: 'free' }), { addons: '1Gi', filestore: '100Gi' }).spec?.limits ?? []
    expect(volume?.max).toEqual({ storage: '100Gi' })
  })
})

describe('the volumes', () => {
  const sizes = (tier: string, today = {}) =>
    volumeClaims(specOf({ tier }), platformOf(), today).map(({ spec }) => spec?.resources?.requests?.['storage'])

  it.each([
    ['free', ['1Gi', '1Gi']],
    ['pro', ['1Gi', '10Gi']],
    ['team', ['2Gi', '25Gi']],
    ['enterprise', ['5Gi', '100Gi']],
  ])('of %s are %o', (tier, wanted) => {
    expect(sizes(tier)).toEqual(wanted)
  })

  it.each([
    ['a smaller tier keeps what is there', 'free', { addons: '5Gi', filestore: '100Gi' }, ['5Gi', '100Gi']],
    ['a larger one grows', 'team', { addons: '1Gi', filestore: '1Gi' }, ['2Gi', '25Gi']],
    ['each for itself', 'pro', { addons: '3Gi', filestore: '2Gi' }, ['3Gi', '10Gi']],
    ['other units count too', 'free', { filestore: '10737418240' }, ['1Gi', '10737418240']],
    ['what cannot be read does not matter', 'free', { filestore: 'lots' }, ['1Gi', '1Gi']],
  ])('never shrink: %s', (_, tier, today, wanted) => {
    expect(sizes(tier, today)).toEqual(wanted)
  })

  it('are of the platform’s class, or of the cluster’s own when none is named', () => {
    const [own] = volumeClaims(specOf(), platformOf())
    const [named] = volumeClaims(specOf(), platformOf({ STORAGE_CLASS: 'fast' }))
    expect(own?.spec).not.toHaveProperty('storageClassName')
    expect(named?.spec?.storageClassName).toBe('fast')
    expect(named?.spec?.accessModes).toEqual(['ReadWriteOnce'])
  })
})

describe('quantities', () => {
  it.each([
    [250, '250m'],
    [1000, '1'],
    [1100, '1100m'],
  ])('%i millicores are %s', (millis, text) => {
    expect(cpu(millis)).toBe(text)
  })

  it.each([
    [512, '512Mi'],
    [1024, '1Gi'],
    [1536, '1536Mi'],
  ])('%i mebibytes are %s', (amount, text) => {
    expect(mebibytes(amount)).toBe(text)
  })

  it.each([
    ['1Gi', 1_073_741_824],
    ['1.5Gi', 1_610_612_736],
    ['10G', 10_000_000_000],
    ['1024', 1024],
    ['lots', undefined],
    ['1Xi', undefined],
    ['', undefined],
  ])('"%s" is %s bytes', (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes)
  })
})
