import type { IncomingMessage, ServerOptions } from 'node:http'

/** What the server in front of instances must be created with, so that only requests arrive that can be passed on truthfully. */
export const serverOptions: ServerOptions = {
  insecureHTTPParser: false,
  requireHostHeader: true,
  /** Request line and headers together; more is 431. Odoo's cookies and long search URLs fit. */
  maxHeaderSize: 32 * 1024,
  headersTimeout: 30_000,
  /** An upload may take as long as it moves: the forwarder's own idle limit watches it. */
  requestTimeout: 0,
  /** Longer than a proxy in front keeps its idle sockets (Traefik: 90 s), so that it is never us who close one under a request. */
  keepAliveTimeout: 95_000,
  noDelay: true,
  keepAlive: true,
  optimizeEmptyRequests: true,
  /** Anything but WebSocket is answered as if it had not asked: RFC 9110 §7.8. */
  shouldUpgradeCallback: asksForWebSocket,
}

export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.trim().toLowerCase() === 'websocket' && request.method === 'GET'
}
