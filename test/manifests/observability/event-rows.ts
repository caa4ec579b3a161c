// Events and alerts that were lost.
import { during, gone, type Series } from './promtool.ts'
import { line, minutes, of, started, up, type Row } from './worlds.ts'

const letters = of('dead', 'platxa_dead_letters_total', { type: 'io.platxa.instance.requested.v1', code: '422' })
const born = (minute: number): Series => ({
  [started('dead')]: line(gone(minute), during(60, minutes(minute))),
  [up('dead')]: line(gone(minute), during(60, 1)),
})
export const events: readonly Row[] = [
  [
    'dead-letter starts from nothing for one letter: an alert',
    { ...born(20), [letters]: line(gone(20), during(40, 1)) },
    22,
    { PlatxaDeadLetters: 1 },
  ],
  [
    'and is gone a minute later: still an alert',
    {
      [letters]: line(gone(20), during(1, 1), gone(39)),
      [started('dead')]: line(gone(20), during(1, minutes(20)), gone(39)),
      [up('dead')]: line(gone(20), during(1, 1), gone(39)),
    },
    30,
    { PlatxaDeadLetters: 1 },
  ],
  ['twenty minutes later: over', { ...born(20), [letters]: line(gone(20), during(1, 1), gone(39)) }, 41, {}],
  [
    'another type of letter in a process that runs for a day: an alert',
    { [letters]: line(gone(20), during(40, 1)) },
    22,
    { PlatxaDeadLetters: 1 },
  ],
  [
    'dead-letter is scraped again after half an hour, nine old letters: none',
    {
      [letters]: line(during(5, 9), gone(30), during(25, 9)),
      [up('dead')]: line(during(5, 1), during(30, 0), during(25, 1)),
    },
    40,
    {},
  ],
  ['dead-letter restarts and forgets nine letters: none', { [letters]: line(during(20, 9), during(40, 0)) }, 25, {}],
  [
    'relay-alerts starts from nothing and hears of cut alerts: an alert',
    {
      [of('relay', 'platxa_alerts_truncated_total')]: line(gone(20), during(40, 7)),
      [started('relay')]: line(gone(20), during(40, minutes(20))),
    },
    22,
    { PlatxaAlertsLost: 1 },
  ],
  [
    'notifications that cannot be read, and cut ones: one alert each',
    {
      [of('relay', 'platxa_alerts_truncated_total')]: line(during(20, 0), during(40, 7)),
      [of('relay', 'platxa_alert_notifications_malformed_total')]: line(during(20, 0), during(40, 1)),
    },
    22,
    { PlatxaAlertsLost: 2 },
  ],
  [
    'alerts are relayed and none is lost: none',
    {
      [of('relay', 'platxa_alerts_relayed_total', { status: 'firing' })]: during(60, '0+1'),
      [of('relay', 'platxa_alerts_truncated_total')]: during(60, 0),
    },
    22,
    {},
  ],
]
