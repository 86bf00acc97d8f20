import type { ErrorKind } from './kind.js'

/** Errors of the delivery store. */
export const DELIVERY_ERRORS = {
  WATERMARK_FOREIGN: {
    retryable: false,
    sqlstate: 'PF085',
    summary:
      'Rollups or seals were made up to a transaction that this database has not come to: it was restored from a dump.',
    hint: 'Advance the transaction counter of this server beyond that transaction (pg_resetwal -x, server stopped), then repeat.',
  },
  LEASE_LOST: {
    retryable: false,
    sqlstate: 'PF072',
    summary:
      'The lease of a job is no longer its own: it ran out and the job was claimed again, its time-out passed, or its workflow ended. Nothing was changed.',
    hint: 'Stop working on the job; keep leases with jobs.heartbeat(), or claim with a longer leaseMs.',
  },
} as const satisfies Record<string, ErrorKind>
