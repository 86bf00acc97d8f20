import { CHECKPOINTS_MIN } from '../../../doctor/checks/statements/checkpoints.js'
import { defineAlert } from '../rule.js'

/** A share of few checkpoints says nothing. */
export const checkpointsRequested = defineAlert({
  id: 'checkpoints-requested',
  title: 'Checkpoints come too often',
  level: 'warning',
  condition: {
    of: {
      metric: 'pgfleet_checkpoints_total',
      where: { kind: 'requested' },
      increaseS: 21_600,
      take: 'sum',
      without: ['kind'],
    },
    per: [{ metric: 'pgfleet_checkpoints_total', increaseS: 21_600, take: 'sum', without: ['kind'] }],
    is: '>=',
    than: { threshold: 'checkpointShare' },
    and: [
      {
        of: { metric: 'pgfleet_checkpoints_total', increaseS: 21_600, take: 'sum', without: ['kind'] },
        is: '>=',
        than: { value: CHECKPOINTS_MIN },
      },
    ],
  },
  forS: 900,
  summary: '{value|percent} of the checkpoints of six hours were asked for before their time.',
  meaning: 'After each the first change of a page writes the whole page into the WAL: the WAL and the writes multiply.',
  action:
    'Raise max_wal_size so that checkpoints come by checkpoint_timeout, as far as the disk and the time for recovery allow.',
  check: 'checkpoints',
})
