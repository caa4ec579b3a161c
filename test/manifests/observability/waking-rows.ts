// Wakes that fail or take long.
import { during, gone, type Series } from './promtool.ts'
import { line, of, up, wakes, within, type Row } from './worlds.ts'

export const waking: readonly Row[] = [
  ['wake is well: none', {}, 30, {}],
  ['one replica is away for five minutes: none', { [up('b')]: line(during(25, 1), during(35, 0)) }, 30, {}],
  [
    'three wakes failed, the first ever: an alert',
    { [wakes('quota')]: line(during(20, 0), during(40, 3)) },
    25,
    { PlatxaWakesFailing: 1 },
  ],
  ['two wakes failed: none', { [wakes('quota')]: line(during(20, 0), during(40, 2)) }, 25, {}],
  ['three failed half an hour ago: none', { [wakes('quota')]: line(during(20, 0), during(40, 3)) }, 50, {}],
  [
    'three wakes went well: none',
    { [wakes('woken')]: line(during(20, 0), during(40, 3)), [within('8')]: line(during(20, 0), during(40, 3)) },
    25,
    {},
  ],
  [
    'wake restarts and forgets forty old failures: none',
    { [wakes('quota')]: line(during(20, 40), during(40, 0)) },
    25,
    {},
  ],
  [
    'wake is not scraped for ten minutes, forty old failures: none',
    { [wakes('quota')]: line(during(10, 40), gone(10), during(40, 40)) },
    25,
    {},
  ],
  [
    'a request was turned away: an alert',
    { [of('a', 'platxa_wake_requests_total', { class: 'A', outcome: 'full' })]: line(during(20, 0), during(40, 1)) },
    25,
    { PlatxaRequestsTurnedAway: 1 },
  ],
  [
    'a request was told to come later: none',
    { [of('a', 'platxa_wake_requests_total', { class: 'B', outcome: 'not now' })]: line(during(20, 0), during(40, 9)) },
    25,
    {},
  ],
]

const hour = (woken: string, inTime: string, le = '8'): Series => ({
  [wakes('woken')]: line(during(60, '0+0'), during(62, woken)),
  [within(le)]: line(during(60, '0+0'), during(62, inTime)),
})
export const slow: readonly Row[] = [
  ['sixty wakes in an hour, all slow: both', hour('0+0.5', '0+0'), 121, { PlatxaWakesSlow: 2 }],
  ['the same in the spelling of Prometheus 3: both', hour('0+0.5', '0+0', '8.0'), 121, { PlatxaWakesSlow: 2 }],
  ['four of ten are slow: a warning', hour('0+0.5', '0+0.3'), 121, { PlatxaWakesSlow: 1 }],
  ['one of twenty is slow, as the objective allows: none', hour('0+0.5', '0+0.475'), 121, {}],
  ['all slow, but only six wakes: none', hour('0+0.05', '0+0'), 121, {}],
  [
    'slow for an hour, fast for the last forty minutes: none',
    {
      [wakes('woken')]: line(during(60, '0+0.5'), during(60, '60+0.5')),
      [within('8')]: line(during(60, 0), during(60, '0+0.5')),
    },
    100,
    {},
  ],
  [
    'all fail: as bad as slow',
    { [wakes('timeout')]: during(122, '0+0.5'), [within('8')]: during(122, 0) },
    121,
    { PlatxaWakesFailing: 1, PlatxaWakesSlow: 2 },
  ],
  [
    'a replica begins with a slow wake before its first scrape: none',
    { [wakes('woken', 'b')]: line(gone(60), during(60, 1)), [within('8', 'b')]: line(gone(60), during(60, 0)) },
    65,
    {},
  ],
]
