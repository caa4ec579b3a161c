// What may not reach a log. By the name of the field, at any depth, because objects of others are logged too; and by the
// shape of the text, because passwords also hide in connection strings.
const secretName = /pass(word|wd|phrase)?$|secret|token|authorization|cookie|credential|private.?key|api.?key|verifier/i
const passwordInUrl = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi
const bearer = /\b(bearer|basic)\s+[-\w.~+/]{8,}=*/gi
const mask = '[hidden]'
const deepest = 6

export function withoutSecrets(fields: object): Record<string, unknown> {
  return cleanRecord(fields, 0)
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1))
  if (value instanceof Error) return cleanError(value, depth)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if ('toJSON' in value && typeof value.toJSON === 'function') return clean(value.toJSON(), depth + 1)
  return cleanRecord(value, depth)
}

function cleanRecord(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, isSecret(key, item) ? mask : clean(item, depth + 1)]),
  )
}

/** Numbers and booleans are no secrets: `tokens: 3`, `hasPassword: true`. */
function isSecret(key: string, value: unknown): boolean {
  return secretName.test(key) && value !== undefined && typeof value !== 'number' && typeof value !== 'boolean'
}

/** Message, stack and cause are not enumerable, so they are named. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  return {
    ...cleanRecord(error, depth),
    name: error.name,
    message: cleanText(error.message),
    stack: cleanText(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1) }),
  }
}

function cleanText(text: string): string {
  return text.replace(passwordInUrl, `$1${mask}@`).replace(bearer, `$1 ${mask}`)
}
