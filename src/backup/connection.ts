import pg from 'pg'
import { onAbort } from '../database/abort-signal.js'
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

// Servers before 17 refuse a session that names it at its start.
// pgfleet-lint ignore session-setting: a session of its own past the pooler, closed after its work
const UNLIMITED = `select set_config(s.name, '0', false) from pg_settings s where s.name = 'transaction_timeout'`

/**
 * Opens a session without time-outs, which a login may have of its own. A pooler refuses such a start: a session that it
 * may change under us could not hold a snapshot. When `signal` fires, the statement in flight is cancelled on the server, and it
 * and later ones reject with ABORTED. Errors: OPTIONS_INVALID for a pooler, CONNECTION_FAILED, DATABASE_ERROR.
 */
export async function openConnection(url: string, signal?: AbortSignal): Promise<DirectConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'pgfleet backup',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=0',
  })
  // It may end while nobody asks it anything; the next question then tells.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(UNLIMITED)
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
  const forget = onAbort(signal, () => {
    void cancel(url, (client as unknown as { processID: number }).processID)
  })
  const aborted = () => new FleetError('ABORTED', { message: 'the statement was ended', cause: signal?.reason })
  return {
    async query<Row extends object>(text: string, values: readonly unknown[] = []) {
      if (signal?.aborted) throw aborted()
      try {
        return (await client.query<Row>(text, [...values])).rows
      } catch (error) {
        throw signal?.aborted ? aborted() : toFleetError(error, true)
      }
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      forget()
      await client.end().catch(() => {})
    },
  }
}

/** Ends what a session of the same login is doing: it may wait for a lock, and would not notice that nobody listens. */
async function cancel(url: string, processId: number): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select pg_cancel_backend($1)', [processId])
  } catch {
    // Without a connection nothing can be cancelled; the server ends the statement when it next looks at its client.
  } finally {
    await client.end().catch(() => {})
  }
}

function refused(error: unknown): FleetError {
  return new FleetError('CONNECTION_FAILED', {
    message: `the server refused the login: ${(error as Error).message}`,
    cause: error,
    details: { sqlstate: sqlstateOf(error) },
  })
}
