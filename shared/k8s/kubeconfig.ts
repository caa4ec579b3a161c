// Loaded only outside a cluster: the client library takes half a second to import.
import type { RequestOptions } from 'node:https'

import { KubeConfig } from '@kubernetes/client-node'

import type { Identity, ReadIdentity, Tls } from './identity.ts'

/** The file, or `KUBECONFIG` and `~/.kube/config` as kubectl takes them. Certificates, tokens, exec plugins, OIDC. */
export function kubeconfigIdentity(file?: string): ReadIdentity {
  let config: KubeConfig | undefined
  return async (refused) => {
    // it keeps what an exec plugin gave until the end that the plugin named, even after a 401: then a new one is needed
    if (config === undefined || refused) config = load(file)
    return await identityOf(config, file ?? 'the default kubeconfig')
  }
}

function load(file: string | undefined): KubeConfig {
  const config = new KubeConfig()
  if (file === undefined) config.loadFromDefault()
  else config.loadFromFile(file)
  return config
}

async function identityOf(config: KubeConfig, where: string): Promise<Identity> {
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`${where}: its current-context names no cluster`)
  if (cluster.proxyUrl !== undefined) throw new Error(`${where}: proxy-url is not supported`)
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const { auth, headers } = options
  const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
  return { server: cluster.server, headers: { ...namedInLowerCase(headers), ...basic }, tls: tlsOf(options) }
}

function namedInLowerCase(headers: RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]))
}

function tlsOf({ ca, cert, key, passphrase, servername, rejectUnauthorized }: RequestOptions): Tls {
  const parts = { ca, cert, key, passphrase, servername, rejectUnauthorized }
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
}
