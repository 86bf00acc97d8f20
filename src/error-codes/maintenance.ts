import type { ErrorKind } from './kind.js'

/** What goes wrong between those who would lead maintenance. */
export const MAINTENANCE_ERRORS = {
  MAINTENANCE_LEASE_HELD: {
    retryable: true,
    summary: 'Another process leads maintenance; the message says which, and until when its lease lasts.',
    hint: 'Leave it to that process, or stop it; a process that was lost is followed once its lease has run out.',
  },
  MAINTENANCE_LEASE_LOST: {
    retryable: true,
    sqlstate: 'PF120',
    summary: 'Another process has taken maintenance over, so the batch was refused; nothing of it was done.',
    hint: 'Nothing needs to be done: the other process goes on. If it comes often, raise leaseMs.',
  },
} as const satisfies Record<string, ErrorKind>
