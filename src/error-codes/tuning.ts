import type { ErrorKind } from './kind.js'

/** What trials of settings may end with. */
export const TUNING_ERRORS = {
  TUNING_TRIAL_OPEN: {
    retryable: true,
    summary: 'A trial is under way; the message says whose, and until when that process holds it.',
    hint: 'Let it end. What a lost process left open is rolled back by the next `pgfleet tune` once its hold has run out.',
  },
  TUNING_TRIAL_LOST: {
    retryable: true,
    sqlstate: 'PF126',
    summary: 'Another process has taken the trial over, or it has ended; nothing more was changed by this one.',
    hint: 'Nothing needs to be done: the other process rolls it back. `pgfleet tune list` tells how it ended.',
  },
  TUNING_TRIAL_UNKNOWN: {
    retryable: false,
    summary: 'There is no trial of this id.',
    hint: 'List them with `pgfleet tune list`.',
  },
  TUNING_NOT_UNDONE: {
    retryable: false,
    summary:
      'The change of this trial cannot be taken back: it was not kept, or somebody has changed the setting since.',
    hint: 'Look at it with `pgfleet tune show ID`; its undo statement can be run by hand.',
  },
} as const satisfies Record<string, ErrorKind>
