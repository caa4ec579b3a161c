// Falling asleep: scans, fences, who stays awake, who flaps.
import { during, gone, type Series } from './promtool.ts'
import { awakeSince, lastUsed, line, minutes, of, started, up, type Row } from './worlds.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `i${index}`)
const awake = (...who: readonly string[]): Series =>
  Object.fromEntries(who.map((name) => [awakeSince('a', name), during(90, -3600)]))

const scans = (outcome: string) => of('scan', 'platxa_scan_idle_scans_total', { outcome })
const decisions = (decision: string) => of('sleep', 'platxa_sleep_decisions_total', { decision })
export const sleeping: readonly Row[] = [
  [
    'three fences unanswered: an alert',
    { [decisions('replica-silent')]: line(during(20, 0), during(40, 3)) },
    25,
    { PlatxaReplicasSilent: 1 },
  ],
  [
    'sleep starts from nothing and is first seen at three: an alert',
    {
      [decisions('replica-silent')]: line(gone(20), during(40, 3)),
      [started('sleep')]: line(gone(20), during(40, minutes(20))),
      [up('sleep')]: line(gone(20), during(40, 1)),
    },
    25,
    { PlatxaReplicasSilent: 1 },
  ],
  [
    'sleep is scraped again after half an hour, three old ones: none',
    {
      [decisions('replica-silent')]: line(during(5, 3), gone(30), during(25, 3)),
      [up('sleep')]: line(during(5, 1), during(30, 0), during(25, 1)),
    },
    40,
    {},
  ],
  [
    'one unanswered question and one fence: none',
    {
      [scans('replica-silent')]: line(during(20, 0), during(40, 1)),
      [decisions('replica-silent')]: line(during(20, 0), during(40, 1)),
    },
    25,
    {},
  ],
  [
    'many other vetoes: none',
    { [decisions('activity')]: during(60, '0+1'), [scans('replica-young')]: during(60, '0+1') },
    25,
    {},
  ],
  [
    'no scan for twenty minutes: an alert',
    { [scans('looked')]: line(during(10, '0+0.5'), during(50, 10)) },
    35,
    { PlatxaScansStopped: 1 },
  ],
  ['scan-idle never ran: an alert', { [scans('looked')]: '_', [up('scan')]: '_' }, 35, { PlatxaScansStopped: 1 }],
  ['no scan for ten minutes: none', { [scans('looked')]: line(during(20, '0+0.5'), during(40, 20)) }, 30, {}],
  ['another pod of scan-idle every eight minutes: none', pods(8, 8), 60, {}],
  [
    'scan-idle stopped and wake is down: wake is what counts',
    { [scans('looked')]: during(60, 10), [up('a')]: during(60, 0), [up('b')]: during(60, 0) },
    35,
    { PlatxaWakeDown: 1, PlatxaWakeNotScraped: 2 },
  ],
  [
    'four of ten awake are idle for more than an hour: an alert',
    { ...awake(...names(4)), ...used(10) },
    80,
    { PlatxaInstanceIdle: 4, PlatxaIdleStayAwake: 1 },
  ],
  ['two are: hints alone', { ...awake(...names(2)) }, 80, { PlatxaInstanceIdle: 2 }],
  ['four of fifty are: hints alone', { ...awake(...names(4)), ...used(50) }, 80, { PlatxaInstanceIdle: 4 }],
  [
    'woken twelve times in six hours: it flaps',
    { [awakeSince('a')]: flapping(12, 30), [lastUsed('a')]: during(400, '0+30') },
    365,
    { PlatxaInstanceFlaps: 1 },
  ],
  ['woken ten times: none', { [awakeSince('a')]: flapping(10, 36), [lastUsed('a')]: during(400, '0+30') }, 365, {}],
  [
    'wake restarts twelve times, the instance does not: none',
    {
      [awakeSince('a')]: line(...Array.from({ length: 12 }, () => line(during(25, -3600), gone(5)))),
      [lastUsed('a')]: during(400, '0+30'),
    },
    365,
    {},
  ],
]

/** Awake and in use all the time. */
function used(count: number): Series {
  const rest = Array.from({ length: count }, (_, index) => `u${index}`).slice(4)
  return { ...awake(...rest), ...Object.fromEntries(rest.map((name) => [lastUsed('a', name), during(90, '0+30')])) }
}

/** Since when it is awake, when it is woken so many times, once each so many minutes. */
function flapping(count: number, every: number): string {
  const life = (index: number): string => line(during(every - 5, minutes(index * every)), gone(5))
  return line(...Array.from({ length: count }, (_, index) => life(index)), during(60, minutes(count * every)))
}

/** One pod after the other, each with its own counter. */
function pods(count: number, every: number): Series {
  const series = Array.from({ length: count }, (_, index): Series => {
    const from = index * every
    const where = `{job="scan-idle",instance="10.0.1.${index}:9464",pod="scan-idle-${index}"}`
    const life = (value: string): string => line(...(from > 0 ? [gone(from)] : []), during(every, value), gone(60))
    return {
      [`platxa_scan_idle_scans_total${where.slice(0, -1)},outcome="looked"}`]: life('1+0.5'),
      [`process_start_time_seconds${where}`]: life(String(minutes(from))),
      [`up${where}`]: life('1'),
    }
  })
  return Object.assign({ [scans('looked')]: '_', [up('scan')]: '_' }, ...series) as Series
}
