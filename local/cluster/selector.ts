// Label selectors as the API server reads them.
import type { LabelSelector } from 'kubernetes-types/meta/v1.js'

type Labels = Readonly<Record<string, string>>

/** An empty selector matches everything. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
        default:
          throw new Error(`unknown operator ${operator} in a selector`)
      }
    })
  )
}
