// Objects of kinds that shared/k8s has no table of: by their path, and undefined when there is none.
import { isNotFound } from '#shared/k8s/errors.ts'
import { z } from 'zod'
import type { Patient } from './finding.ts'

export async function ask<T>(patient: Patient, path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(await patient.kubernetes.request<unknown>('GET', path, { signal: patient.signal }))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

export const deployment = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()).default({}) }),
  spec: z.looseObject({
    replicas: z.number().default(1),
    template: z.looseObject({
      spec: z.looseObject({ containers: z.array(z.looseObject({ args: z.array(z.string()).default([]) })) }),
    }),
  }),
  status: z.looseObject({ availableReplicas: z.number().default(0) }).default({ availableReplicas: 0 }),
})

export const configMap = z.looseObject({ data: z.record(z.string(), z.string()).default({}) })

export function listOf<T>(item: z.ZodType<T>) {
  return z.looseObject({ items: z.array(item) })
}

export const conditions = z.looseObject({
  kind: z.string().optional(),
  metadata: z.looseObject({ name: z.string() }),
  status: z
    .looseObject({
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().optional() }))
        .default([]),
    })
    .default({ conditions: [] }),
})
