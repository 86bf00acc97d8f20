import pg from 'pg'
import { sqlstateOf, toFleetError } from '../database/failure.js'
import { FleetError } from '../errors.js'

/** One session of a server, for what needs one: an exported snapshot, or making databases. */
export interface DirectConnection {
  /** Runs a statement; rejects with a FleetError. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Ends it; harmless to repeat. */
  close(): Promise<void>
}

/** How long a login may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 30_000

/**
 * Opens a session without time-outs, which a login may have of its own. A pooler refuses such a start: a session that it
 * may change under us could not hold a snapshot. Errors: OPTIONS_INVALID for a pooler, CONNECTION_FAILED, DATABASE_ERROR.
 */
export async function openConnection(url: string): Promise<DirectConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'pgfleet backup',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options:
      '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c transaction_timeout=0 -c lock_timeout=0',
  })
  // It may end while nobody asks it anything; the next question then tells.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    client.end().catch(() => {})
    if (/unsupported startup parameter/.test((error as Error).message)) {
      throw new FleetError('OPTIONS_INVALID', {
        message: 'the url leads to a pooler; backup and restore need a session of the server itself',
        field: 'url',
        hint: 'Give the host and port of PostgreSQL, not those of the pooler.',
        cause: error,
      })
    }
    throw sqlstateOf(error) === undefined ? toFleetError(error, false) : refused(error)
  }
  let isOpen = true
  return {
    async query<Row extends object>(text: string, values: readonly unknown[] = []) {
      try {
        return (await client.query<Row>(text, [...values])).rows
      } catch (error) {
        throw toFleetError(error, true)
      }
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      await client.end().catch(() => {})
    },
  }
}

function refused(error: unknown): FleetError {
  return new FleetError('CONNECTION_FAILED', {
    message: `the server refused the login: ${(error as Error).message}`,
    cause: error,
    details: { sqlstate: sqlstateOf(error) },
  })
}
