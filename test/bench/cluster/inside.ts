// Inside of the namespaces: the cluster, three sleepers of the same image, and the time to the first byte of each, again
// and again in random order. Its last line is the result.
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Everything, startEverything } from '#local/cluster/everything.ts'
import { clusterFolder } from '#local/cluster/namespaces.ts'
import { FUNCTIONS_DOMAIN } from '#local/cluster/start.ts'
import { createProgress } from '#local/world/progress.ts'
import { probeImage } from '#test/cluster/probe-image.ts'
import type { Way } from '../cluster.bench.ts'
import { asleep, bareTry, type Light, lightServers } from './light.ts'

const TRIES = 10
const LIMIT_MS = 60_000
/** What went to sleep has ended by then, and the machine is quiet again. */
const PAUSE_MS = 2000

const folder = clusterFolder(process.env) ?? ''
const progress = createProgress(process.stderr)
const { signal } = new AbortController()
const everything = await startEverything(folder, progress, signal, async (place) => [await probeImage(place)])
const authority = await readFile(everything.edge.authority, 'utf8')
const lights = await progress.step('three sleepers', () => lightServers(everything, signal))
const tries: Record<Way, number[]> = { bare: [], wake: [], knative: [] }
for (let round = 1; round <= TRIES; round += 1) {
  await progress.step(`round ${round} of ${TRIES}`, oneRound)
}
console.log(`\n${JSON.stringify(tries)}`)
process.exit()

async function oneRound(): Promise<void> {
  const order = [...lights].map((light) => ({ light, at: Math.random() })).toSorted((a, b) => a.at - b.at)
  for (const { light } of order) {
    await asleep(light, everything.kubernetes, signal)
    await sleep(PAUSE_MS)
    tries[light.way].push(await once(light, everything))
  }
}

function once(light: Light, { frontDoor, kubernetes }: Everything): Promise<number> {
  return light.way === 'bare' ? bareTry(light, kubernetes, signal) : firstByte(light.host, frontDoor)
}

function firstByte(host: string, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const from = performance.now()
    // Traefik has the certificate of instances alone, and a handshake is as long with the other
    const trust = host.endsWith(FUNCTIONS_DOMAIN) ? { rejectUnauthorized: false } : { ca: authority }
    const options = { host: address, servername: host, headers: { host }, agent: false, timeout: LIMIT_MS, ...trust }
    const call = request(options, (response) => {
      const milliseconds = performance.now() - from
      response.resume()
      if (response.statusCode === 200) resolve(milliseconds)
      else reject(new Error(`${host} answers ${response.statusCode}`))
    })
    call.once('timeout', () => call.destroy(new Error(`${host} does not answer`)))
    call.once('error', reject).end()
  })
}
