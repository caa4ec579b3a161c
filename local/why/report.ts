// What `npm run why` says of one instance: the words that stand on its Deployment, and what sleeping has saved. Pure.
import type { Instance } from '#shared/instance/read.ts'
import { wordsOf } from '#shared/instance/why.ts'

export function reportOf(instance: Instance): readonly string[] {
  const { name, faults, status } = instance
  return [
    `${name}: ${wordsOf(instance)}`,
    ...(status === 'active' ? [] : [`It is ${status}: nobody wakes it.`]),
    ...faults.map(({ text }) => `Cannot be read: ${text}`),
    saved(instance),
  ]
}

function saved({ totals: { wakes, sleeps, falseWakes, awakeSeconds } }: Instance): string {
  const hours = (awakeSeconds / 3600).toFixed(1)
  return (
    `Since it was made: ${wakes} wakes (${falseWakes} false: nobody asked for anything after it), ${sleeps} sleeps, ` +
    `awake for ${hours} h until the last one.`
  )
}
