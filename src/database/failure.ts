import { ERRORS, type ErrorCode, FleetError, isFleetError } from '../errors.js'

/** SQLSTATEs after which the transaction is known to have been rolled back, and may succeed when repeated. */
const CONFLICTS = new Set(['40001', '40P01', '55P03'])

const BY_SQLSTATE = new Map<string, ErrorCode>(
  Object.entries(ERRORS).flatMap(([code, kind]) =>
    'sqlstate' in kind ? [[kind.sqlstate, code as ErrorCode] as const] : [],
  ),
)

/** The SQLSTATE of a driver's error, or of the one behind ours; undefined for errors that do not come from the server. */
export function sqlstateOf(error: unknown): string | undefined {
  if (isFleetError(error)) return error.cause === undefined ? undefined : sqlstateOf(error.cause)
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** SQLSTATEs for a function, table, column, type or schema that is not there. */
const ABSENT = new Set(['42883', '42P01', '42703', '42704', '3F000'])

/** True when the server refused a value (data, constraint, our own rules): one item of a batch may be to blame. */
export function isRefusal(error: unknown): boolean {
  const state = sqlstateOf(error) ?? ''
  return /^(22|23|PF|54)/.test(state) && !['PF001', 'PF002', 'PF003', 'PF111'].includes(state)
}

/** True when the transaction was rolled back because of another one. */
export function isConflict(error: unknown): boolean {
  if (isFleetError(error)) return error.cause !== undefined && isConflict(error.cause)
  const { schema, table } = error as { schema?: string; table?: string }
  // Two calls applied one experience id at the same moment: repeated, the second finds the first's answer.
  const idRace = sqlstateOf(error) === '23505' && schema === 'learning' && /^experiences(_p|$)/.test(table ?? '')
  return idRace || CONFLICTS.has(sqlstateOf(error) ?? '')
}

/**
 * True when a prepared statement no longer fits the schema, or PgBouncer keeps its name from when it could not be prepared, in a
 * transaction that had failed before. It was not executed; on a fresh name the same text works.
 */
export function isStalePlan(error: unknown): boolean {
  const state = sqlstateOf(error)
  const { message } = error as Error
  return (
    (state === '0A000' && /cached plan must not change result type/.test(message)) ||
    (state === '08P01' && /prepared statement name is already in use/.test(message))
  )
}

/**
 * True when a server did not take a write because it takes none: a standby, or one whose transactions are read-only. The
 * transaction was rolled back. In a transaction that was begun read-only it means that instead.
 */
export function isStandbyRefusal(error: unknown): boolean {
  return sqlstateOf(error) === '25006'
}

/** True when the connection is gone, whatever became of the statement. */
export function isConnectionLoss(error: unknown): boolean {
  if (isFleetError(error)) return error.cause !== undefined && isConnectionLoss(error.cause)
  const state = sqlstateOf(error)
  if (state !== undefined) return isConnectionState(state)
  const { code, message } = error as { code?: string; message?: string }
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'].includes(
      code ?? '',
    ) ||
    /Connection terminated|Client has encountered a connection error|Client was closed|not queryable|timeout exceeded when trying to connect|^timeout expired$|Query read timeout|server closed the connection/i.test(
      message ?? '',
    )
  )
}

function isConnectionState(state: string): boolean {
  return state.startsWith('08') || state === '57P01' || state === '57P02' || state === '57P03' || state === '53300'
}

/**
 * The catalogue's error for what a driver threw. `sent` tells whether the statement may have reached the server:
 * a lost connection then leaves its outcome unknown. `readOnly` that the transaction was begun to write nothing.
 */
export function toFleetError(error: unknown, sent: boolean, readOnly = false): FleetError {
  if (isFleetError(error)) return error
  const state = sqlstateOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const details = state === undefined ? {} : { sqlstate: state }
  if (isConnectionLoss(error)) {
    if (!sent)
      return new FleetError('CONNECTION_FAILED', {
        message: `no connection to the database: ${message}`,
        cause: error,
        details,
      })
    return new FleetError('OUTCOME_UNKNOWN', {
      message: `the connection was lost during the call: ${message}`,
      cause: error,
      details,
    })
  }
  if (isStandbyRefusal(error) && !readOnly) {
    return new FleetError('PRIMARY_UNAVAILABLE', {
      message: `the server takes no writes: ${message}`,
      cause: error,
      details,
    })
  }
  if (isConflict(error)) return new FleetError('CONFLICT', { message, cause: error, details })
  const known = state === undefined ? undefined : BY_SQLSTATE.get(state)
  if (known !== undefined) {
    // Our functions name the argument at fault as the error's column.
    const { column } = error as { column?: string }
    return new FleetError(known, { message, cause: error, details, ...(column ? { field: column } : {}) })
  }
  if (state === '25P02')
    return new FleetError('TRANSACTION_ENDED', {
      message: 'an earlier statement of this transaction failed',
      cause: error,
      details,
    })
  if (state === '42501') return new FleetError('PERMISSION_DENIED', { message, cause: error, details })
  if (state === '57014' || state === '25P04') return new FleetError('TIMEOUT', { message, cause: error, details })
  if (state !== undefined && /^22|^23/.test(state)) {
    // A check constraint is named after the column it guards.
    const { constraint } = error as { constraint?: string }
    return new FleetError('INPUT_INVALID', {
      ...(constraint ? { field: constraint } : {}),
      message: `the database refused the value: ${message}`,
      cause: error,
      details,
    })
  }
  return new FleetError('DATABASE_ERROR', {
    message,
    cause: error,
    details,
    ...(ABSENT.has(state ?? '')
      ? {
          hint: 'Is the schema of another version? Ask `pgfleet migrate status`, and replace processes of an older pgfleet.',
        }
      : {}),
  })
}
