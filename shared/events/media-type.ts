export interface MediaType {
  /** Lower case, without parameters. */
  readonly essence: string
  /** Lower case; undefined when the header names none. */
  readonly charset: string | undefined
}

const token = "[-!#$%&'*+.^_`|~0-9A-Za-z]+"
const shape = new RegExp(`^(${token}/${token})[ \\t]*(;.*)?$`, 's')
const charsetParameter = new RegExp(`;[ \\t]*charset=(?:"([^"]*)"|(${token}))`, 'i')

/** RFC 9110 §8.3.1, so `;charset=UTF-8` with or without a space or quotes is the same; undefined when it is no media type. */
export function parseMediaType(header: string): MediaType | undefined {
  const match = shape.exec(header.trim())
  if (!match?.[1]) return undefined
  const charset = charsetParameter.exec(match[2] ?? '')
  return { essence: match[1].toLowerCase(), charset: (charset?.[1] ?? charset?.[2])?.toLowerCase() }
}

export function isJson({ essence }: MediaType): boolean {
  return essence.endsWith('/json') || essence.endsWith('+json')
}

export function isText({ essence }: MediaType): boolean {
  return essence.startsWith('text/')
}

/** JSON and CloudEvents are UTF-8; ASCII is a part of it. */
export function isUtf8({ charset }: MediaType): boolean {
  return charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii'
}
