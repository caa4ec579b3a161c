// Alertmanager's webhook, payload version 4 (prometheus/alertmanager notify/webhook/webhook.go). Open, because newer
// versions add fields; what is read is checked.
import { z } from 'zod'

const labels = z.record(z.string(), z.string())

const alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: labels.refine((all) => (all['alertname'] ?? '') !== '', 'must name the alert (alertname)'),
  startsAt: z.iso.datetime({ offset: true }),
  endsAt: z.iso.datetime({ offset: true }),
  fingerprint: z.string().min(1).max(64),
})
export type Alert = z.output<typeof alert>

export const notification = z.object({
  version: z.literal('4'),
  receiver: z.string().min(1),
  /** How many alerts of the group `max_alerts` cut off. */
  truncatedAlerts: z.int().min(0).default(0),
  externalURL: z.string().default(''),
  alerts: z.array(alert).max(10_000),
})
export type Notification = z.output<typeof notification>
