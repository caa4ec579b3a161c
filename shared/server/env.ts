// The only reader of the environment besides main.ts. Everything is checked before anything listens.
import { BlockList } from 'node:net'
import { z } from 'zod'

export type Environment = Readonly<Record<string, string | undefined>>

/** All faults at once, each naming its variable. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`the environment is not usable: ${faults.join('; ')}`)
    this.faults = faults
  }
}

/** A variable that is set to the empty string counts as not set, as Kubernetes has no other way to unset one. */
export function readEnv<S extends z.ZodObject>(schema: S, env: Environment = process.env): z.output<S> {
  const present = Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : []))
  const parsed = schema.safeParse(Object.fromEntries(present))
  if (parsed.success) return parsed.data
  throw new EnvError(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`))
}

const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `90s`, `15m`, `2h`, `1d`, `1m30s` → milliseconds. A default: `duration.prefault('15m')`. */
export const duration = text()
  .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, 'must be a duration such as 15m, 90s or 500ms')
  .transform((value) => {
    const parts = value.matchAll(/([\d.]+)([a-z]+)/g)
    return Math.round(
      parts.reduce((sum, [, number, unit]) => sum + Number(number) * (millisecondsPer[unit ?? ''] ?? 0), 0),
    )
  })

/** A whole number of at least 0. */
export const count = text()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number)

/** 0 lets the system choose. */
export const port = count.refine((value) => value <= 65_535, 'must be a port: 0 to 65535')

/** on/off, true/false, yes/no, 1/0. */
export const flag = text().pipe(
  z.stringbool({
    truthy: ['true', 'on', 'yes', '1'],
    falsy: ['false', 'off', 'no', '0'],
    error: 'must be true or false',
  }),
)

/** An absolute http or https URL. */
export const url = text().pipe(z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }))

/** `10.0.0.0/8, fd00::/8` → the networks as written; a bare address is a network of one. */
export const cidrList = text().transform((value, context): readonly string[] => {
  const said = value.split(/[\s,]+/).filter(Boolean)
  const wrong = said.filter((network) => !isCidr(networkOf(network)))
  if (wrong.length > 0) context.addIssue(`must be a list of networks such as 10.0.0.0/8: not ${wrong.join(', ')}`)
  return said.map(networkOf)
})

function networkOf(said: string): string {
  if (said.includes('/')) return said
  return `${said}/${said.includes(':') ? 128 : 32}`
}

/** Without Node's pattern for IPv6, which takes 8 ms of a start to compile. */
function isCidr(network: string): boolean {
  const [address = '', bits = '', ...rest] = network.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  try {
    new BlockList().addSubnet(address, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4')
    return true
  } catch {
    return false
  }
}

function text(): z.ZodString {
  return z.string({ error: ({ input }) => (input === undefined ? 'is not set' : 'must be text') })
}
