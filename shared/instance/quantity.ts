// Amounts as Kubernetes writes them, in its own shortest form, so that applying twice is no change.

/** `250m`, `2`. */
export function cpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`
}

/** `512Mi`, `4Gi`. */
export function mebibytes(amount: number): string {
  return amount % 1024 === 0 ? `${amount / 1024}Gi` : `${amount}Mi`
}

export function gibibytes(amount: number): string {
  return `${amount}Gi`
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
}

/** Bytes of a memory or storage quantity, or undefined when it is none. */
export function bytesOf(quantity: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]{0,2})$/.exec(quantity) ?? []
  const factor = factors[unit]
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}

/** Millicores of a cpu quantity, or undefined when it is none. */
export function millisOf(quantity: string): number | undefined {
  const [, digits, milli] = /^(\d+(?:\.\d+)?)(m?)$/.exec(quantity) ?? []
  return digits === undefined ? undefined : Number(digits) * (milli === 'm' ? 1 : 1000)
}
