// Certificates of one control plane: made once per data folder, made again when they near their end or when the
// addresses change. Two authorities, as kubeadm has them: whoever gets a client certificate signed by the cluster's
// own authority must still not be able to open etcd.
import 'reflect-metadata' // @peculiar/x509 needs it
import { type webcrypto, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import * as x509 from '@peculiar/x509'

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const VALID_MS = 3650 * DAY_MS
const RENEW_BEFORE_MS = 30 * DAY_MS

type Usage = 'server' | 'client'

interface Leaf {
  readonly file: string
  readonly authority: 'ca' | 'etcd-ca'
  readonly subject: readonly { readonly [field: string]: string[] }[]
  readonly usages: readonly Usage[]
  readonly addresses?: readonly string[]
  readonly names?: readonly string[]
}

const SERVER_NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]

/** `addresses`: where the API server is dialled, besides its names. */
function leaves(addresses: readonly string[], node: NodeIdentity | undefined): readonly Leaf[] {
  const client = (file: string, ...subject: Leaf['subject'][number][]): Leaf => {
    return { file, authority: 'ca', subject, usages: ['client'] }
  }
  return [
    {
      file: 'apiserver',
      authority: 'ca',
      subject: [{ CN: ['kube-apiserver'] }],
      usages: ['server'],
      addresses,
      names: SERVER_NAMES,
    },
    client('admin', { O: ['system:masters'] }, { CN: ['admin'] }),
    client('kube-controller-manager', { CN: ['system:kube-controller-manager'] }),
    client('kube-scheduler', { CN: ['system:kube-scheduler'] }),
    // etcd dials itself with its own certificate for the JSON side of its API
    {
      file: 'etcd',
      authority: 'etcd-ca',
      subject: [{ CN: ['etcd'] }],
      usages: ['server', 'client'],
      addresses: ['127.0.0.1'],
      names: ['localhost'],
    },
    { file: 'etcd-client', authority: 'etcd-ca', subject: [{ CN: ['kube-apiserver'] }], usages: ['client'] },
    ...(node === undefined ? [] : leavesOfNode(node)),
  ]
}

function leavesOfNode({ name, address, hosts }: NodeIdentity): readonly Leaf[] {
  return [
    {
      file: 'kubelet',
      authority: 'ca',
      subject: [{ O: ['system:nodes'] }, { CN: [`system:node:${name}`] }],
      usages: ['server', 'client'],
      addresses: [address],
      names: [name],
    },
    { file: 'kube-proxy', authority: 'ca', subject: [{ CN: ['system:kube-proxy'] }], usages: ['client'] },
    { file: 'edge', authority: 'ca', subject: [{ CN: ['edge'] }], usages: ['server'], names: hosts },
  ]
}

export interface NodeIdentity {
  readonly name: string
  readonly address: string
  /** Names that its ingress answers to. */
  readonly hosts: readonly string[]
}

export interface PkiOptions {
  readonly folder: string
  readonly addresses: readonly string[]
  /** Certificates for a kubelet and a kube-proxy too. */
  readonly node?: NodeIdentity | undefined
  readonly now?: Date
}

/** Path of a certificate and its key: `admin` → `…/admin.crt`, `…/admin.key`. */
export interface Pki {
  cert(name: string): string
  key(name: string): string
  readonly serviceAccountKey: string
  readonly serviceAccountPublicKey: string
}

export async function ensurePki({ folder, addresses, node, now = new Date() }: PkiOptions): Promise<Pki> {
  const pki: Pki = {
    cert: (name) => join(folder, `${name}.crt`),
    key: (name) => join(folder, `${name}.key`),
    serviceAccountKey: join(folder, 'service-account.key'),
    serviceAccountPublicKey: join(folder, 'service-account.pub'),
  }
  const wanted = leaves(addresses, node)
  if (await isGood(pki, wanted, addresses, now)) return pki
  // all or nothing: a half-written folder is never taken for a whole one
  const fresh = `${folder}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  await makeAll(fresh, wanted, now, await serviceAccountKeys(pki))
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder)
  return pki
}

async function isGood(pki: Pki, wanted: readonly Leaf[], addresses: readonly string[], now: Date): Promise<boolean> {
  try {
    const names = ['ca', 'etcd-ca', ...wanted.map((leaf) => leaf.file)]
    const certs = await Promise.all(names.map(async (name) => new X509Certificate(await readFile(pki.cert(name)))))
    await Promise.all(names.map((name) => readFile(pki.key(name))))
    await Promise.all([readFile(pki.serviceAccountKey), readFile(pki.serviceAccountPublicKey)])
    const server = certs[names.indexOf('apiserver')]
    return (
      certs.every((cert) => Date.parse(cert.validTo) - now.getTime() > RENEW_BEFORE_MS) &&
      addresses.every((address) => server?.checkIP(address) !== undefined)
    )
  } catch {
    return false
  }
}

interface KeyFiles {
  readonly secret: string
  readonly open: string
}

/** Tokens that were handed out stay valid when certificates are renewed, so the key that signs them is kept. */
async function serviceAccountKeys(pki: Pki): Promise<KeyFiles> {
  try {
    return {
      secret: await readFile(pki.serviceAccountKey, 'utf8'),
      open: await readFile(pki.serviceAccountPublicKey, 'utf8'),
    }
  } catch {
    const keys = await newKeys()
    return { secret: await keyPem(keys.privateKey), open: await openKeyPem(keys.publicKey) }
  }
}

async function makeAll(folder: string, wanted: readonly Leaf[], now: Date, serviceAccount: KeyFiles): Promise<void> {
  const save = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  const validity = { notBefore: new Date(now.getTime() - DAY_MS), notAfter: new Date(now.getTime() + VALID_MS) }
  const authorities = {
    ca: await newAuthority('platxa-local', validity),
    'etcd-ca': await newAuthority('platxa-local-etcd', validity),
  }
  for (const [name, { cert, keys }] of Object.entries(authorities)) {
    await save(`${name}.crt`, `${cert.toString('pem')}\n`)
    await save(`${name}.key`, await keyPem(keys.privateKey))
  }
  for (const leaf of wanted) {
    const { cert, keys } = await newLeaf(leaf, authorities[leaf.authority], validity)
    await save(`${leaf.file}.crt`, `${cert.toString('pem')}\n`)
    await save(`${leaf.file}.key`, await keyPem(keys.privateKey))
  }
  await save('service-account.key', serviceAccount.secret)
  await save('service-account.pub', serviceAccount.open)
}

interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

interface Issued {
  readonly cert: x509.X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
}

async function newAuthority(name: string, validity: Validity): Promise<Issued> {
  const keys = await newKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert, keys }
}

async function newLeaf(leaf: Leaf, authority: Issued, validity: Validity): Promise<Issued> {
  const keys = await newKeys()
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  const cert = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: leaf.subject.map((part) => ({ ...part })),
    issuer: authority.cert.subjectName,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(leaf.usages.map((usage) => (usage === 'server' ? serverAuth : clientAuth))),
      new x509.SubjectAlternativeNameExtension([
        ...(leaf.addresses ?? []).map((value) => ({ type: 'ip', value }) as const),
        ...(leaf.names ?? []).map((value) => ({ type: 'dns', value }) as const),
      ]),
    ],
  })
  return { cert, keys }
}

async function keyPem(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', key))
}

async function openKeyPem(key: CryptoKey): Promise<string> {
  return pem('PUBLIC KEY', await crypto.subtle.exportKey('spki', key))
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
