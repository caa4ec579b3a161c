// What a request says about people: one table over method, path and headers, for Odoo 14 to 19. Anything unknown is
// activity: waking once too often costs money, missing a person costs the person.
import type { IncomingHttpHeaders } from 'node:http'

/**
 * A  a person or an API client at work: counts as activity, wakes a sleeper.
 * B  chatter of open tabs, monitors and crawlers: neither.
 * C  parts of a page (assets, images): says nothing alone.
 */
export type Class = 'A' | 'B' | 'C'

export type Kind =
  /** A browser opens a page: it can be shown the loading page. */
  | 'page load'
  /** Any other activity: forms, clicks in an open tab, API clients, webhooks. It can only be held. */
  | 'call'
  | 'background'
  | 'asset'
  /** `POST /bus/has_missed_notifications` and `POST /web/webclient/version_info` of an open tab. */
  | 'missed notifications'
  | 'version info'
  /** `POST /longpolling/poll` of Odoo 14 and 15: what the WebSocket is later. */
  | 'long poll'
  | 'health'
  | 'robots'
  | 'icon'
  | 'monitor'
  | 'crawler'

export function classOf(kind: Kind): Class {
  if (kind === 'page load' || kind === 'call') return 'A'
  return kind === 'asset' ? 'C' : 'B'
}

/** Answers for whole paths. */
const exact: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['/bus/has_missed_notifications', 'missed notifications'],
  ['/web/webclient/version_info', 'version info'],
  ['/web/health', 'health'],
  ['/websocket/health', 'health'],
  ['/robots.txt', 'robots'],
  ['/favicon.ico', 'icon'],
  ['/apple-touch-icon.png', 'icon'],
  ['/apple-touch-icon-precomposed.png', 'icon'],
  ['/web/service-worker.js', 'background'],
  ['/service-worker.js', 'background'],
  ['/web/manifest.webmanifest', 'background'],
  ['/web/manifest', 'background'],
  ['/websocket', 'background'],
  ['/longpolling/poll', 'long poll'],
])

/** Answers for everything below a folder. */
const below: readonly (readonly [folder: string, kind: Kind])[] = [
  ['/websocket/', 'background'],
  ['/longpolling/', 'background'],
  ['/bus/', 'background'],
  ['/.well-known/', 'background'],
  ['/web/assets/', 'asset'],
  ['/web/image/', 'asset'],
]

/** Odoo 14 and 15 serve their bundles as attachments: `/web/content/312-5b6b4a2/web.assets_backend.js`. */
const oldBundle = /^\/web\/content\/\d+-[0-9a-f]+\/.*\.(?:js|css)$/
/** `/{module}/static/…` of every module. */
const moduleAsset = /^\/[^/]+\/static\//
const monitors =
  /uptime|pingdom|statuscake|site24x7|better ?stack|betteruptime|newrelic|datadog|hetrixtools|freshping|checkly|kube-probe|googlehc|elb-healthchecker|blackbox|nagios|check_http|zabbix|prometheus/i
const crawlers =
  /(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|whatsapp|skypeuripreview|linkpreview|embedly|bingpreview|semrush|ahrefs|mj12|dotbot|petalbot|bytespider|gptbot|claudebot|perplexity|archive\.org|censys|zgrab|nmap|masscan|nuclei/i

export function classify(method: string, target: string, headers: IncomingHttpHeaders): Kind {
  const path = pathOf(target)
  if (method === 'GET') return classifyGet(path, headers)
  if (method === 'POST') return exact.get(path) ?? (isBelow(path, '/bus/', '/longpolling/') ? 'background' : 'call')
  if (method === 'OPTIONS') return isPreflight(headers) ? 'call' : 'background'
  if (method !== 'HEAD') return 'call'
  return fromRobot(headers) ?? (exact.get(path) === 'health' ? 'health' : 'background')
}

function classifyGet(path: string, headers: IncomingHttpHeaders): Kind {
  const known = exact.get(path) ?? ofFolder(path)
  if (known === 'long poll') return 'background'
  if (known !== undefined && known !== 'missed notifications' && known !== 'version info') return known
  const robot = fromRobot(headers)
  if (robot !== undefined) return robot
  if (isPrefetch(headers)) return 'background'
  return isNavigation(headers) ? 'page load' : 'call'
}

function ofFolder(path: string): Kind | undefined {
  for (const [folder, kind] of below) if (path.startsWith(folder)) return kind
  if (path === '/web/image' || moduleAsset.test(path) || oldBundle.test(path)) return 'asset'
  return undefined
}

/** Browsers of before 2021 send no `Sec-Fetch-Mode`; a service worker sends `navigate` on with an empty destination. */
function isNavigation(headers: IncomingHttpHeaders): boolean {
  const mode = headers['sec-fetch-mode']
  return (mode === undefined || mode === 'navigate') && (headers.accept?.includes('text/html') ?? false)
}

/** A page that the browser fetches on a guess: nobody asked for it yet. */
function isPrefetch(headers: IncomingHttpHeaders): boolean {
  const purpose = headers['sec-purpose'] ?? headers['purpose'] ?? headers['x-moz']
  return typeof purpose === 'string' && purpose.includes('prefetch')
}

/** The question a browser asks before a call of another site; unanswered, the call itself never comes. */
function isPreflight(headers: IncomingHttpHeaders): boolean {
  return headers['access-control-request-method'] !== undefined
}

/** The same few thousand user agents come again and again; a look-up is 20 times cheaper than the two expressions. */
const robots = new Map<string, Kind | undefined>()
const robotsKept = 2000
const longestKept = 300

function fromRobot(headers: IncomingHttpHeaders): Kind | undefined {
  const agent = headers['user-agent']
  if (agent === undefined) return undefined
  const seen = robots.get(agent)
  if (seen !== undefined || robots.has(agent)) return seen
  const kind = monitors.test(agent) ? 'monitor' : crawlers.test(agent) ? 'crawler' : undefined
  if (agent.length > longestKept) return kind
  if (robots.size >= robotsKept) robots.clear()
  robots.set(agent, kind)
  return kind
}

function isBelow(path: string, ...folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder))
}

/** The path without query, with doubled slashes made one, as Odoo's router sees it. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
}

/** What may be told about a path: its first two names, for a reader who asks why an instance is awake. */
export function prefixOf(target: string): string {
  return pathOf(target).split('/', 3).join('/').slice(0, 60) || '/'
}
