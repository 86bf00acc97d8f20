import type { ErrorKind } from './kind.js'

/** Errors of the learning store. */
export const LEARNING_ERRORS = {
  AGENT_TYPE_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF004',
    summary: 'The tenant has no agent type of that name.',
    hint: 'List them with learning.agentTypes.list(), or add one with learning.agentTypes.upsert().',
  },
  SESSION_ENDED: {
    retryable: false,
    summary: 'The learning session has ended, and an ended session stays as it is.',
    hint: 'Start a new session.',
  },
  PATTERN_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF010',
    summary: 'The tenant has no live pattern of that id.',
    hint: 'Search for it, or remember it again: patterns expire.',
  },
  SNAPSHOT_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF013',
    summary: 'The tenant has no policy snapshot of that id.',
    hint: 'List them with learning.snapshots.list().',
  },
  TRAJECTORY_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no trajectory of that id.',
    hint: 'Record the trajectory first.',
  },
} as const satisfies Record<string, ErrorKind>
