import { describe, expect, it } from 'vitest'
import { mayBeBefore } from '#shared/k8s/pages.ts'

describe('a version of a collection', () => {
  it.each([
    ['1', '2', true, 'is before one that is larger'],
    ['2', '2', false, 'is not before itself'],
    ['10', '9', false, 'is a number, not a text'],
    ['90071992547409930', '90071992547409931', true, 'may be larger than a double can tell'],
    ['', '2', true, 'that is not there might be before any'],
    ['a', 'b', true, 'that is no number might be before any'],
  ])('%j against %j: %j, because it %s', (version, other, before) => {
    expect(mayBeBefore(version, other)).toBe(before)
  })
})
