// `skaffold verify` (manifests/verify/job.yaml): tells the story once and ends with 0, or with 1 and what went wrong.
import { Agent } from 'undici'
import { z } from 'zod'
import { createPublisher } from '#shared/events/publish.ts'
import { odooVersion } from '#shared/instance/versions.ts'
import { connect } from '#shared/k8s/connect.ts'
import { readEnv, url } from '#shared/server/env.ts'
import { createLog } from '#shared/server/log.ts'
import { tellStory } from './story.ts'

const log = createLog('verify')
const env = readEnv(
  z.object({
    BROKER_URL: url,
    BASE_DOMAIN: z.string().min(1),
    DOOR_URL: url,
    ODOO_VERSION: odooVersion,
    /** Of a cluster that we are not in. */
    KUBECONFIG: z.string().optional(),
  }),
)
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort(new Error('the Job is ended')))
const kubernetes = await connect({ kubeconfig: env.KUBECONFIG })
// The door is reached by its name in the cluster, which is in no certificate; the story is not about that.
const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })

try {
  await tellStory({
    kubernetes,
    publisher: createPublisher({ sink: env.BROKER_URL, log }),
    door: { url: env.DOOR_URL, dispatcher },
    baseDomain: env.BASE_DOMAIN,
    odooVersion: env.ODOO_VERSION,
    tell: (step, milliseconds) => log.info({ milliseconds }, step),
    signal: stopping.signal,
  })
  log.info({}, 'the story holds')
} catch (error) {
  log.error({ error }, 'the story does not hold')
  process.exitCode = 1
} finally {
  await dispatcher.close()
  await kubernetes.close()
}
