import { describe, expect, it } from 'vitest'
import { obituaryOf, sentenceOf } from '#functions/dead-letter/decide.ts'
import type { Envelope } from '#shared/events/envelope.ts'

const event = (extensions: Record<string, string>, changes: Partial<Envelope> = {}): Envelope => ({
  specversion: '1.0',
  id: 'e1',
  source: '//instance-manager',
  type: 'io.platxa.instance.requested.v1',
  data: { name: 'demo' },
  extensions,
  ...changes,
})

describe('dead-letter', () => {
  const rows: [string, Envelope, string][] = [
    [
      'says who did not take it and what they answered',
      event({
        knativeerrordest: 'http://provision.platxa.svc.cluster.local',
        knativeerrorcode: '422',
        knativeerrordata: btoa('data.tier: unknown'),
      }),
      'http://provision.platxa.svc.cluster.local did not take io.platxa.instance.requested.v1 e1: 422 data.tier: unknown',
    ],
    [
      'shows text that is no base64 as it came',
      event({ knativeerrordata: 'dispatch error: refused' }),
      'A subscriber did not take io.platxa.instance.requested.v1 e1: dispatch error: refused',
    ],
    [
      'shows base64 that is no text as it came',
      event({ knativeerrordata: '//79/A==' }),
      'A subscriber did not take io.platxa.instance.requested.v1 e1: //79/A==',
    ],
    [
      'has little to say when Knative said nothing',
      event({}),
      'A subscriber did not take io.platxa.instance.requested.v1 e1',
    ],
  ]
  it.each(rows)('%s', (_, letter, sentence) => {
    expect(sentenceOf(obituaryOf(letter))).toBe(sentence)
  })

  it('knows the instance by the data or else by the subject', () => {
    expect(obituaryOf(event({})).instance).toBe('demo')
    expect(obituaryOf(event({}, { data: 'broken', subject: 'instances/shop' })).instance).toBe('shop')
    expect(obituaryOf(event({}, { data: undefined })).instance).toBeUndefined()
  })
})
