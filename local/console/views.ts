import { html } from 'hono/html'
import type { DeliveryRecord, EventRecord } from '#local/broker/memory.ts'
import { type InstanceRow, inWords, type State } from './instance-row.ts'
import type { Html } from './layout.ts'
import type { Login } from './read.ts'
import { isBad, type Moment, shortType } from './timeline.ts'

const pillClass: Readonly<Record<State, string>> = {
  awake: 'awake',
  waking: 'waking',
  asleep: 'asleep',
  'falling asleep': 'falling',
  'in trouble': 'trouble',
  suspended: 'trouble',
  disabled: 'trouble',
  leaving: 'falling',
}

export function instancesTable(rows: readonly InstanceRow[], urlOf: (host: string) => string): Html {
  if (rows.length === 0) return html`<p class="empty">No instance yet. Request one below.</p>`
  return html`<table>
    <thead>
      <tr>
        <th>Instance</th>
        <th>State</th>
        <th>Why</th>
        <th>Since</th>
        <th>Last activity</th>
        <th>Tier</th>
        <th></th>
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => instanceRow(row, urlOf))}
    </tbody>
  </table>`
}

function instanceRow(row: InstanceRow, urlOf: (host: string) => string): Html {
  const { instance, state } = row
  return html`<tr>
    <td class="tight">
      <a class="name" href="/instances/${instance.name}">${instance.name}</a><br />
      <a class="small" href="${urlOf(instance.hosts[0] ?? '')}" target="_blank" rel="noopener"
        >${instance.hosts[0] ?? ''}</a
      >
    </td>
    <td>${pill(state)}</td>
    <td class="why">${row.why}</td>
    <td class="tight wide">${row.sinceMs === undefined ? '' : inWords(row.sinceMs)}</td>
    <td class="tight wide">${lastActivity(row)}</td>
    <td class="wide">${instance.tier}</td>
    <td class="tight">${buttons(row)}</td>
  </tr>`
}

function pill(state: State): Html {
  return html`<span class="pill ${pillClass[state]}">${state}</span>`
}

function lastActivity({ lastActivityMs, inFlight, sockets }: InstanceRow): Html {
  const age = lastActivityMs === undefined ? 'none seen' : `${inWords(lastActivityMs)} ago`
  const open = sockets === 0 ? '' : `${sockets} open ${sockets === 1 ? 'tab' : 'tabs'}`
  return html`${inFlight > 0 ? 'now' : age}${open === '' ? '' : html`<br /><span class="soft small">${open}</span>`}`
}

function buttons({ instance, state }: InstanceRow): Html {
  if (instance.status !== 'active' || instance.deleting) return html``
  const action = instance.replicas === 0 || state === 'in trouble' ? 'wake' : 'sleep'
  const label = action === 'wake' ? 'Wake' : 'Put to sleep'
  return html`<form method="post" action="/instances/${instance.name}/${action}"><button>${label}</button></form>`
}

export function instanceSummary(row: InstanceRow, login: Login | undefined, urlOf: (host: string) => string): Html {
  const { instance, state, why } = row
  const hosts = instance.hosts.map((host) => html`<a href="${urlOf(host)}" target="_blank" rel="noopener">${host}</a> `)
  const facts: readonly (readonly [string, Html | string])[] = [
    ['State', pill(state)],
    ['Why', why],
    ['Address', html`${hosts}`],
    ['Last activity', lastActivity(row)],
    ['Tier', `${instance.tier}, Odoo ${instance.odooVersion ?? '?'}, ${instance.workers} workers`],
    ['Namespace', html`<span class="mono">${instance.namespace}</span>`],
    ...(login === undefined ? [] : [['Log in', loginOf(login)] as const]),
    ['', buttons(row)],
  ]
  return html`<dl>
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

function loginOf({ name, password }: Login): Html {
  return html`${name},
    <details class="inline">
      <summary>password</summary>
      <code>${password}</code>
    </details>`
}

export function requestForm(tiers: readonly string[]): Html {
  return html`<form class="request" method="post" action="/instances">
    <label
      >Name
      <input
        name="name"
        required
        maxlength="54"
        pattern="[a-z0-9]([\\-a-z0-9]*[a-z0-9])?"
        placeholder="my-company"
        autocomplete="off"
    /></label>
    <label
      >Tier
      <select name="tier">
        ${tiers.map((tier) => html`<option>${tier}</option>`)}
      </select></label
    >
    <button class="main">Request an instance</button>
  </form>`
}

export function eventsTable(events: readonly EventRecord[]): Html {
  if (events.length === 0) return html`<p class="empty">No event has gone by yet.</p>`
  return html`<table>
    <thead>
      <tr>
        <th>When</th>
        <th>Event</th>
        <th>Instance</th>
        <th>Who received it, and what they answered</th>
      </tr>
    </thead>
    <tbody>
      ${events.map(eventRow)}
    </tbody>
  </table>`
}

function eventRow(event: EventRecord): Html {
  return html`<tr>
    <td class="tight soft">${clock(event.at)}</td>
    <td>
      <details>
        <summary>${shortType(event.type)}</summary>
        <pre>
${event.type}
id ${event.id}
source ${event.source}
from ${event.from === 'ingress' ? 'a publisher' : `the answer of ${event.from}`}
${event.data}</pre>
      </details>
    </td>
    <td class="tight">${(event.subject ?? '').replace(/^instances\//, '')}</td>
    <td>
      ${event.deliveries.length === 0 ? html`<span class="soft">no Trigger wants it</span>` : event.deliveries.map(delivery)}
    </td>
  </tr>`
}

function delivery({ trigger, attempts, outcome, reply }: DeliveryRecord): Html {
  const mark = outcome === 'under way' ? 'soft' : isBad(outcome) ? 'no' : 'ok'
  const said = attempts.at(-1)?.said ?? ''
  const answers = attempts.map(({ answer, tookMs }) => `${answer} in ${tookMs} ms`).join(', ')
  return html`<div>
    ${trigger} <span class="answer ${mark}">${outcome === 'delivered' ? '' : `${outcome} `}${answers}</span>${
      reply === undefined ? '' : html` <span class="soft">→ ${shortType(reply)}</span>`
    }
    ${said === '' ? '' : html`<br /><span class="soft small">${said}</span>`}
  </div>`
}

export function timeline(moments: readonly Moment[]): Html {
  if (moments.length === 0) return html`<p class="empty">Nothing has happened to it yet.</p>`
  return html`<table>
    <tbody>
      ${moments.map(
        ({ at, what, detail, origin, bad }) =>
          html`<tr>
            <td class="tight soft">${clock(at)}</td>
            <td class="tight ${bad ? 'no' : ''}">${what}</td>
            <td class="${origin === 'cluster' ? 'soft small' : ''}">${detail}</td>
          </tr>`,
      )}
    </tbody>
  </table>`
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}
