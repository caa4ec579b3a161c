import type { Words } from './words.ts'

export const en: Words = {
  language: 'en',
  direction: 'ltr',
  waking: 'Waking up',
  lead: 'Nobody was using it, so it was asleep. It opens here by itself as soon as it is ready.',
  usual: 'This usually takes about {n} seconds.',
  slow: 'This takes longer than usual. It is still on its way.',
  stopping: 'It was just falling asleep. As soon as it has finished, it starts again.',
  noscript: 'This page reloads by itself every few seconds.',
  steps: {
    scheduled: 'Finding a place to run',
    pulling: 'Fetching the software',
    starting: 'Starting',
    database: 'Opening the database',
    ready: 'Ready',
  },
  failed: 'It does not start right now',
  again: 'Try again',
  next: 'It can be tried again in {n}.',
  tell: 'If it stays like this, tell your administrator this word:',
  causes: {
    unschedulable: {
      what: 'There is no free capacity at the moment.',
      advice: 'More is being arranged if possible. Nothing is lost; please wait a little.',
    },
    volume: {
      what: 'Its storage cannot be attached.',
      advice: 'Your data is not affected. The administrator has to look at the storage.',
    },
    quota: {
      what: 'It would exceed the resources of its plan.',
      advice: 'The administrator can stop other work of this instance or change the plan.',
    },
    refused: { what: 'The platform refuses to start it.', advice: 'The administrator can read the reason there.' },
    'image-pull': {
      what: 'Its software cannot be fetched.',
      advice: 'Either the registry is out of reach or the version does not exist. The administrator can tell.',
    },
    'crash-loop': {
      what: 'It starts and stops again at once.',
      advice: 'Often an add-on or the configuration is the cause. The administrator finds it in its log.',
    },
    'out-of-memory': {
      what: 'It needs more memory than its plan allows.',
      advice: 'The administrator can choose a larger plan or remove add-ons.',
    },
    configuration: {
      what: 'A part of its configuration is missing.',
      advice: 'The administrator has to complete it.',
    },
    database: {
      what: 'Its database does not let it in.',
      advice:
        'Your data is not affected. Either the database server is away or it refuses; the administrator can tell.',
    },
    timeout: {
      what: 'It was started but does not answer.',
      advice: 'It may still come: this page keeps looking. If not, the administrator finds the cause in its log.',
    },
    'api-server': {
      what: 'The platform cannot start anything at the moment.',
      advice: 'Please try again in a minute.',
    },
  },
  suspended: {
    what: 'This site is paused',
    advice: 'It has been suspended. Nothing is lost. If it is yours, your provider can tell you how to resume it.',
  },
  disabled: { what: 'There is nothing here', advice: 'This site is not available.' },
  limited: {
    what: 'Too often for now',
    advice:
      'From your network this site was woken more often than is usual for people. Please try again a little later.',
  },
  starting: { what: 'One moment', advice: 'We are just starting. This page reloads by itself.' },
}
