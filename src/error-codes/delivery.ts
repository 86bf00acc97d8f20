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
} as const satisfies Record<string, ErrorKind>
