// What an operator may change about the pages: a name, a colour, a logo, a way to get help, and who may frame them.
import { z } from 'zod'

export interface Look {
  readonly name: string | undefined
  /** `data:` URL of a small picture. */
  readonly logo: string | undefined
  /** Of buttons and progress, on the light and on the dark page. */
  readonly color: string | undefined
  readonly colorOnDark: string | undefined
  /** `mailto:` or `https:`. */
  readonly support: string | undefined
  /** Sources of CSP `frame-ancestors`. */
  readonly frameAncestors: readonly string[]
}

export const papers = { light: '#f6f5fb', dark: '#12122a' } as const
export const plainLook: Look = {
  name: undefined,
  logo: undefined,
  color: undefined,
  colorOnDark: undefined,
  support: undefined,
  frameAncestors: ["'self'"],
}

/** WCAG 2.2, 1.4.3: the words of a button stand on this colour. */
const leastContrast = 4.5
/** With everything else the page stays below 10 KB. */
const longestLogo = 1_000

const source = /^(?:\*|'self'|'none'|https?:|(?:https?:\/\/)?(?:\*\.)?[a-z\d-]+(?:\.[a-z\d-]+)*(?::(?:\d{1,5}|\*))?)$/i

/** Variables of the ConfigMap `platxa-branding`, and FRAME_ANCESTORS. */
export const lookEnv = {
  BRAND_NAME: z.string().trim().min(1).max(40, 'must be at most 40 characters').optional(),
  BRAND_LOGO: z
    .string()
    .regex(
      /^data:image\/(?:svg\+xml|png|webp);base64,[a-z\d+/]+=*$/i,
      'must be data:image/svg+xml;base64,… (or png, webp)',
    )
    .max(longestLogo, `must be at most ${longestLogo} characters, so that the page stays below 10 KB`)
    .optional(),
  BRAND_COLOR: colorOn(papers.light).optional(),
  BRAND_COLOR_DARK: colorOn(papers.dark).optional(),
  BRAND_SUPPORT: z
    .string()
    .max(120, 'must be at most 120 characters')
    .regex(/^(?:mailto:[^\s@"<>]+@[^\s@"<>]+|https:\/\/[^\s"<>]+)$/i, 'must be mailto:… or https://…')
    .optional(),
  FRAME_ANCESTORS: z
    .string()
    .transform((text) => text.trim().split(/\s+/))
    .refine(
      (sources) => sources.every((one) => source.test(one)),
      "must be sources such as 'self' https://app.example.com",
    )
    .refine((sources) => sources.length === 1 || !sources.includes("'none'"), "must be 'none' alone or not have it")
    .prefault("'self'"),
}

const schema = z.object(lookEnv)

export function lookOf(env: z.output<typeof schema>): Look {
  const { BRAND_COLOR: color } = env
  return {
    name: env.BRAND_NAME,
    logo: env.BRAND_LOGO,
    color,
    colorOnDark: env.BRAND_COLOR_DARK ?? (color && lightened(color)),
    support: env.BRAND_SUPPORT,
    frameAncestors: env.FRAME_ANCESTORS,
  }
}

/** Browsers that know CSP 2 go by it; the older header can say only two things. */
export function frameHeaders({ frameAncestors }: Look): readonly string[] {
  const [first, ...more] = frameAncestors
  if (more.length > 0) return []
  if (first === "'none'") return ['X-Frame-Options', 'DENY']
  return first === "'self'" ? ['X-Frame-Options', 'SAMEORIGIN'] : []
}

function colorOn(paper: string): z.ZodString {
  return z
    .string()
    .regex(/^#[\da-f]{6}$/i, 'must be a colour such as #5b4bd6')
    .refine(
      (color) => !/^#[\da-f]{6}$/i.test(color) || contrast(color, paper) >= leastContrast,
      `must stand out from ${paper} by ${leastContrast} : 1`,
    )
}

/** The same colour with as much white in it as it needs to be seen on the dark page. */
function lightened(color: string): string {
  for (let white = 0; white < 1; white += 0.05) {
    const mixed = mix(color, white)
    if (contrast(mixed, papers.dark) >= leastContrast) return mixed
  }
  return '#ffffff'
}

function mix(color: string, white: number): string {
  const parts = channels(color).map((value) => Math.round(value + (255 - value) * white))
  return `#${parts.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

function channels(color: string): readonly number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16))
}

/** WCAG 2.2, "contrast ratio": 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
