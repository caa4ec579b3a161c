// Who is idle, and who only looks like it.
import { during, gone } from './promtool.ts'
import { awakeSince, demo, lastUsed, line, minutes, of, OLD, started, up, type Row } from './worlds.ts'

export const idle: readonly Row[] = [
  ['used half an hour ago: a hint', { ...demo, [lastUsed('a')]: during(60, 0) }, 30, { PlatxaInstanceIdle: 1 }],
  [
    'a forgotten tab keeps its WebSocket open, nobody is there: a hint',
    {
      ...demo,
      [lastUsed('a')]: during(60, 0),
      [of('a', 'platxa_wake_instance_sockets', { name: 'demo' })]: during(60, 1),
    },
    30,
    { PlatxaInstanceIdle: 1 },
  ],
  [
    'a person or a request five minutes ago: none',
    { ...demo, [lastUsed('a')]: line(during(25, 0), during(35, minutes(25))) },
    30,
    {},
  ],
  ['a request in flight all the time: none', { ...demo, [lastUsed('a')]: during(60, '0+30') }, 30, {}],
  [
    'one replica saw a request five minutes ago, the other none for long: none',
    { ...demo, [lastUsed('a')]: during(60, 0), [lastUsed('b')]: line(during(25, 0), during(35, minutes(25))) },
    30,
    {},
  ],
  ['woken an hour ago and never used since: a hint', demo, 30, { PlatxaInstanceIdle: 1 }],
  [
    'woken five minutes ago and not used yet: none',
    { [awakeSince('a')]: line(gone(25), during(35, minutes(25))) },
    30,
    {},
  ],
  [
    'put to sleep five minutes ago: none',
    { [awakeSince('a')]: line(during(25, -3600), gone(35)), [lastUsed('a')]: line(during(25, 0), gone(35)) },
    30,
    {},
  ],
  [
    'the scrape of the replica that saw the request has failed since: none, people are told',
    {
      ...demo,
      [lastUsed('a')]: during(60, 0),
      [awakeSince('b')]: line(during(15, -3600), gone(45)),
      [lastUsed('b')]: line(during(15, minutes(14)), gone(45)),
      [up('b')]: line(during(15, 1), during(45, 0)),
    },
    40,
    { PlatxaWakeNotScraped: 1 },
  ],
  [
    'every scrape of wake has failed for half an hour: none, people are told',
    {
      [awakeSince('a')]: line(during(15, -3600), gone(45)),
      [awakeSince('b')]: line(during(15, -3600), gone(45)),
      [up('a')]: line(during(15, 1), during(45, 0)),
      [up('b')]: line(during(15, 1), during(45, 0)),
    },
    45,
    { PlatxaWakeDown: 1, PlatxaWakeNotScraped: 2 },
  ],
  [
    'a replica of wake restarted five minutes ago: none',
    { ...demo, [started('b')]: line(during(25, OLD), during(35, minutes(25))) },
    30,
    {},
  ],
  [
    'a replica of wake restarted half an hour ago: a hint',
    { ...demo, [started('b')]: line(during(1, OLD), during(59, minutes(1))) },
    31,
    { PlatxaInstanceIdle: 1 },
  ],
  [
    'the replica that saw a request went away with what it knew ten minutes ago: none',
    { ...demo, [lastUsed('b')]: line(during(20, minutes(19)), gone(40)), [up('b')]: line(during(20, 1), gone(40)) },
    30,
    {},
  ],
]
