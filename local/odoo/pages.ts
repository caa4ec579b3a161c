// The pages a person sees. They say what they are: nobody should take the stand-in for Odoo.
import { html, raw } from 'hono/html'

import type { Note } from './database.ts'

type Html = ReturnType<typeof html>

export interface LoginPage {
  readonly instance: string
  readonly visits: number
  readonly csrf: string
  readonly redirect: string
  readonly wrong: boolean
}

export function loginPage({ instance, visits, csrf, redirect, wrong }: LoginPage): Html {
  return page(
    instance,
    'sign in',
    html`<form method="post" action="/web/login">
      <input type="hidden" name="csrf_token" value="${csrf}" />
      <input type="hidden" name="redirect" value="${redirect}" />
      <label>Email <input name="login" autocomplete="username" required autofocus /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      ${wrong ? html`<p class="alert" role="alert">Wrong login/password</p>` : ''}
      <button>Log in</button>
      <p>Visit <span id="visits">${visits}</span> of this database.</p>
    </form>`,
  )
}

export interface HomePage {
  readonly instance: string
  readonly login: string
  readonly visits: number
  readonly notes: readonly Note[]
}

/** What stands for Odoo's web client: one button that calls the server as every click in Odoo does. */
export function homePage({ instance, login, visits, notes }: HomePage): Html {
  return page(
    instance,
    'home',
    html`<p>
        Signed in as <strong id="login">${login}</strong>. Visit <span id="visits">${visits}</span> of this database.
        <a href="/web/session/logout">Log out</a>
      </p>
      <form id="note">
        <label>A note <input name="text" required maxlength="200" autocomplete="off" /></label>
        <button>Save</button> <span id="loading" hidden>Loading</span>
      </form>
      <ul id="notes">
        ${notes.map((note) => html`<li data-id="${note.id}">${note.text}</li>`)}
      </ul>
      <p id="status" role="status"></p>
      <script src="/web/static/src/tab.js" defer></script>`,
  )
}

export const managerPage = (instance: string): Html =>
  page(instance, 'databases', html`<p>The database manager has been disabled by the administrator</p>`)

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 30rem; margin: 10vh auto; padding: 0 1rem }
  label { display: block; margin: .8rem 0 } input { width: 100%; box-sizing: border-box; font: inherit; padding: .4rem }
  button { font: inherit; padding: .4rem 1.2rem } .alert { color: #c0392b }
  footer { margin-top: 3rem; font-size: .85rem; opacity: .75; border-top: 1px solid; padding-top: .5rem }`

function page(instance: string, what: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${instance} | ${what}</title>
        <link rel="icon" href="/web/static/img/favicon.svg" />
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <h1>${instance}</h1>
        ${body}
        <footer>
          This is not Odoo but a stand-in that starts, answers and stops like it. For the real one set
          <code>ODOO_BIN</code> before <code>npm start</code>.
        </footer>
      </body>
    </html>`
}

export const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="#714b67" stroke-width="3"/></svg>'
