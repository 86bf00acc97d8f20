import type { ErrorKind } from './kind.js'

/** What goes wrong with the history of a monitor. */
export const HISTORY_ERRORS = {
  HISTORY_HELD: {
    retryable: true,
    summary: 'Another process writes the history in this folder; the message says which.',
    hint: 'Stop the other monitor, or give this one a folder of its own with --history DIR.',
  },
  HISTORY_UNSUITABLE: {
    retryable: false,
    summary: 'The folder holds a history in a format that this version does not know, or that of another database.',
    hint: 'Give another folder; a newer pgfleet reads what it wrote.',
  },
  HISTORY_UNKNOWN: {
    retryable: false,
    summary:
      'The history has no such database, or no such series in that time; or more of them than can be told at once.',
    hint: '`pgfleet monitor history` lists what is kept; name the series more exactly with --labels.',
  },
} as const satisfies Record<string, ErrorKind>
