// One look at a container, as the kubelet takes it: an HTTP request or a TCP connection to the pod's address.
import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import { connect } from 'node:net'

import type { Container, HTTPGetAction, Probe, TCPSocketAction } from 'kubernetes-types/core/v1.js'

export type Look = { readonly ok: true } | { readonly ok: false; readonly why: string }
export type Check = (signal: AbortSignal) => Promise<Look>

/** `exec` and `grpc` are not known here: they count as passed, and `undefined` says so. */
export function checkOf(probe: Probe, container: Pick<Container, 'ports'>, podIP: string): Check | undefined {
  const { httpGet, tcpSocket } = probe
  if (httpGet !== undefined) return (signal) => lookHttp(httpGet, addressOf(httpGet, container, podIP), signal)
  if (tcpSocket !== undefined) return (signal) => lookTcp(addressOf(tcpSocket, container, podIP), signal)
  return undefined
}

interface Address {
  readonly host: string
  readonly port: number
}

function addressOf(
  { host = '', port }: HTTPGetAction | TCPSocketAction,
  { ports = [] }: Pick<Container, 'ports'>,
  podIP: string,
): Address {
  const number = typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.containerPort
  return { host: host || podIP, port: number ?? Number(port) }
}

/** Any status from 200 to 399 passes. */
function lookHttp(get: HTTPGetAction, { host, port }: Address, signal: AbortSignal): Promise<Look> {
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close' }
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value
  const secure = get.scheme === 'HTTPS' ? { rejectUnauthorized: false } : {}
  const options = { host, port, path: get.path ?? '/', headers, agent: false as const, signal, ...secure }
  return new Promise((done) => {
    const call = (get.scheme === 'HTTPS' ? requestTls : request)(options, (response) => {
      const { statusCode = 0 } = response
      response.destroy()
      const ok = statusCode >= 200 && statusCode < 400
      done(ok ? { ok } : { ok, why: `HTTP probe failed with statuscode: ${statusCode}` })
    })
    call.once('error', (error) => done({ ok: false, why: whyOf(error, signal) }))
    call.end()
  })
}

function lookTcp({ host, port }: Address, signal: AbortSignal): Promise<Look> {
  return new Promise((done) => {
    const socket = connect({ host, port, signal })
    socket.once('error', (error) => done({ ok: false, why: whyOf(error, signal) }))
    socket.once('connect', () => {
      socket.destroy()
      done({ ok: true })
    })
  })
}

function whyOf(error: Error, signal: AbortSignal): string {
  return signal.aborted ? 'timed out' : error.message
}
