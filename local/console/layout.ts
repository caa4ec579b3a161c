import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import { style } from './style.ts'

export type Html = ReturnType<typeof html>

/** The only script: puts fresh tables in place every two seconds, as long as somebody looks. */
const refresh = `
setInterval(async () => {
  if (document.hidden) return
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined)
  if (!answer?.ok) return
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id)
    const inUse = part.querySelector('details[open], form:focus-within')
    if (next !== null && inUse === null && next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML
  }
}, 2000)
`

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Nothing from elsewhere, nothing inline but our own two pieces, and no frame around it. */
export const contentSecurityPolicy = [
  `default-src 'none'`,
  `style-src ${hash(style)}`,
  `script-src ${hash(refresh)}`,
  `img-src data:`,
  `connect-src 'self'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
  `base-uri 'none'`,
].join('; ')

// As they are hashed: a formatter's space more, and the browser refuses them.
const styleTag = raw(`<style>${style}</style>`)
const scriptTag = raw(`<script>${refresh}</script>`)

export interface Page {
  readonly title: string
  readonly lead: Html | string
  readonly body: Html
}

export function layout({ title, lead, body }: Page): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link
          rel="icon"
          href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M10 2a6 6 0 1 0 4 9A5 5 0 0 1 10 2' fill='%236d3fd1'/%3E%3C/svg%3E"
        />
        <noscript><meta http-equiv="refresh" content="5" /></noscript>
        ${styleTag}
      </head>
      <body>
        <header>
          <h1><a href="/">Platxa Functions</a></h1>
          <p>${lead}</p>
        </header>
        <main>${body}</main>
        ${scriptTag}
      </body>
    </html>`
}
