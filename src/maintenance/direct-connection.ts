import pg from 'pg'
import { toFleetError } from '../database/failure.js'
import { primaryUrl } from '../database/primary/primary-url.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'

/** Longest wait for the connection, in milliseconds. */
const CONNECT_MS = 10_000

const RIGHTS = statement<{ owner: boolean; maintain: boolean }>(
  'platform.rights_to_rebuild',
  `select pg_has_role(session_user, 'pgfleet_owner', 'SET') as owner, pg_has_role(session_user, 'pg_maintain', 'USAGE') as maintain`,
)
// pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
const AS_OWNER = statement<unknown>('platform.stay_owner', `select set_config('role', 'pgfleet_owner', false)`)
// pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
const LIMIT = statement<{ pid: number }>(
  'platform.limit_session',
  `select pg_backend_pid() as pid, set_config('lock_timeout', $1::text, false), set_config('statement_timeout', $2::text, false)`,
)
const CANCEL = statement<unknown>('platform.cancel_rebuild', 'select pg_cancel_backend($1::integer)')

export const DIRECT_STATEMENTS: readonly Statement<unknown>[] = [RIGHTS, AS_OWNER, LIMIT, CANCEL]

/** A connection past the pooler, for statements that cannot run inside a transaction. */
export class DirectConnection {
  readonly #client: pg.Client
  readonly #url: string

  private constructor(client: pg.Client, url: string) {
    this.#client = client
    this.#url = url
  }

  /**
   * Lends a connection to the work, and closes it, also in the middle of a statement. With `isSession` it keeps what is set on it, so
   * a pooler is refused. A url of several servers leads to the primary. Errors: CONNECTION_FAILED, PRIMARY_UNAVAILABLE, OPTIONS_INVALID for a pooler, and those of the work.
   */
  static async lend<T>(
    urls: string,
    work: (direct: DirectConnection) => Promise<T>,
    { isSession = false }: { readonly isSession?: boolean } = {},
  ): Promise<T> {
    const url = await primaryUrl(urls)
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      application_name: 'pgfleet maintain',
      // A pooler refuses such a start, for it could not keep its promise.
      ...(isSession ? { options: '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0' } : {}),
    })
    // Told by the statement that fails.
    client.on('error', () => {})
    try {
      await client.connect()
    } catch (error) {
      client.end().catch(() => {})
      if (/unsupported startup parameter/.test((error as Error).message)) {
        throw new FleetError('OPTIONS_INVALID', {
          message: 'the direct url leads to a pooler; archives need a session of the server itself',
          field: 'directUrl',
          hint: 'Give the host and port of PostgreSQL, not those of the pooler.',
          cause: error,
        })
      }
      throw toFleetError(error, false)
    }
    try {
      return await work(new DirectConnection(client, url))
    } finally {
      await client.end().catch(() => {})
    }
  }

  async query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    try {
      return (await this.#client.query(statement.text, [...values])).rows as Row[]
    } catch (error) {
      throw toFleetError(error, true)
    }
  }

  /**
   * From now on with the right to rebuild indexes: as pgfleet_owner, or with that of pg_maintain. Errors: PERMISSION_DENIED,
   * which names both.
   */
  async actAsOwner(): Promise<void> {
    const [row] = await this.query(RIGHTS, [])
    if (row?.owner) await this.query(AS_OWNER, [])
    else if (!row?.maintain) {
      throw new FleetError('PERMISSION_DENIED', {
        message: 'this login may not rebuild indexes: it is a member neither of pg_maintain nor of pgfleet_owner',
        hint: 'As an administrator: grant pg_maintain to the login that maintains.',
        details: { role: 'pg_maintain' },
      })
    }
  }

  /** Begins a COPY, as a stream of `pg-copy-streams`; the connection is its alone until it has ended. */
  stream<S extends pg.Submittable>(copy: S): S {
    return this.#client.query(copy)
  }

  /** Rebuilds an index while its table is read and written. Ended on the server when the signal fires. Errors: as `query`, ABORTED. */
  async rebuild(index: string, lockTimeoutMs: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const statement = { name: 'platform.rebuild_index', text: `reindex index concurrently ${index}` }
    await this.alone(statement, { lockTimeoutMs, timeoutMs }, signal)
  }

  /**
   * A statement that no transaction can do, within limits of its own. Ended on the server when the signal fires. Errors: as `query`,
   * ABORTED.
   */
  async alone(
    statement: Statement<unknown>,
    { lockTimeoutMs, timeoutMs }: { readonly lockTimeoutMs: number; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const [row] = await this.query(LIMIT, [String(lockTimeoutMs), String(timeoutMs)])
    const cancel = () => {
      // The rebuild itself then fails.
      void DirectConnection.lend(this.#url, (other) => other.query(CANCEL, [row?.pid])).catch(() => {})
    }
    signal.addEventListener('abort', cancel)
    try {
      await this.query(statement, [])
    } catch (error) {
      if (!signal.aborted) throw error
      throw new FleetError('ABORTED', { message: `stopped: ${statement.text}`, cause: error })
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}
