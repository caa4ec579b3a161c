/**
 * Whether a form was sent by a page of the console itself. A browser says so in Sec-Fetch-Site; an older one in Origin.
 * An instance is another origin (demo.localhost), and so is every page of the internet. Tools like curl send neither.
 */
export function isOwnPage(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin' || site === 'none'
  const origin = headers.get('origin')
  if (origin === null) return true
  return URL.canParse(origin) && new URL(origin).host === headers.get('host')
}
