// The chain every request goes through: whose host → our own paths → closed paths → what kind → the visit.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isTracing } from '#shared/server/telemetry.ts'
import { later, say } from './answers.ts'
import { classOf, pathOf } from './classes/classify.ts'
import { hostOf, targetOf } from './connection/host.ts'
import type { Front } from './front.ts'
import { answerOwnPath, ownPrefix } from './own-paths.ts'
import { attendSocket, refuseSocket } from './tabs/sockets.ts'
import { kindInTime } from './classes/timers.ts'
import { attendTraced } from './trace.ts'
import { attend } from './visit.ts'

export interface Door {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void
  readonly upgrade: (request: IncomingMessage, socket: Socket, early: Buffer) => void
}

export function createDoor(front: Front): Door {
  const { rooms, metrics, settings, now } = front

  function request(request: IncomingMessage, response: ServerResponse): void {
    const named = hostOf(request)
    const method = request.method ?? 'GET'
    if ('refuse' in named) {
      metrics.request('A', 'bad request')
      return say(response, { status: named.refuse, type: 'text/plain', body: `${named.why}\n` })
    }
    const target = targetOf(request.url ?? '/', method)
    const entry = rooms.at(named.host)
    if (entry === undefined) return stranger(target, response)
    const failed = (error: unknown): void => {
      front.log.error({ error, instance: entry.facts.name }, 'a request failed')
      response.destroy()
    }
    if (target.startsWith(ownPrefix)) return void answerOwnPath(entry, target, request, response, front).catch(failed)
    if (settings.closeDatabaseManager && isDatabaseManager(target)) {
      metrics.request('A', 'closed')
      return say(response, { status: 404, type: 'text/plain', body: 'This page is closed.\n' })
    }
    const asked = front.classify(method, target, request.headers)
    const kind = kindInTime(asked, entry, { request, target }, now(), settings.periodicAfterMs)
    const visit = { request, response, host: named.host, target, kind, requestClass: classOf(kind), at: now() }
    const attended = isTracing() ? attendTraced(entry, visit, front) : attend(visit, front)
    attended.catch(failed)
  }

  /** Nobody's host. Probes of the kubelet come here too: they ask by the pod's address. */
  function stranger(target: string, response: ServerResponse): void {
    if (target === '/health/liveness') return say(response, { status: 204, type: 'text/plain', body: '' })
    if (target === '/health/readiness')
      return say(response, front.ready() ? { status: 204, type: 'text/plain', body: '' } : later(1, 'not ready'))
    metrics.request('A', 'unknown host')
    if (!rooms.synced) return say(response, later(1, 'starting'))
    return say(response, { status: 404, type: 'text/plain', body: 'No such site.\n' })
  }

  function upgrade(request: IncomingMessage, socket: Socket, early: Buffer): void {
    socket.on('error', () => socket.destroy())
    const named = hostOf(request)
    const entry = 'refuse' in named ? undefined : rooms.at(named.host)
    if (entry === undefined) {
      refuseSocket(socket, 'refuse' in named ? 400 : rooms.synced ? 404 : 503)
      return
    }
    const target = targetOf(request.url ?? '/', request.method)
    attendSocket(entry, { request, socket, early, target }, front).catch((error: unknown) => {
      front.log.error({ error, instance: entry.facts.name }, 'an upgrade failed')
      socket.destroy()
    })
  }

  return { request, upgrade }
}

/** Odoo's router decodes the path, merges slashes and takes off a language, so a look at the plain text is not enough. */
export function isDatabaseManager(target: string): boolean {
  if (!target.includes('database') && !target.includes('%')) return false
  return /^(?:\/[^/]+)?\/web\/database(?:\/|$)/i.test(pathOf(decoded(target.split('?', 1)[0] ?? '')))
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
