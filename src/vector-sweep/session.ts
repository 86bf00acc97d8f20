import pg from 'pg'
import { sqlstateOf, toFleetError } from '../database/failure.js'
import { FleetError } from '../errors.js'

/** Longest wait for the connection, in milliseconds. */
const CONNECT_MS = 10_000

/**
 * The one connection of a sweep. What it makes is temporary, so the server removes it when the connection ends, however it
 * ends.
 */
export class SweepSession {
  readonly #client: pg.Client
  readonly #url: string
  readonly #signal: AbortSignal
  #pid = 0
  #notices: string[] = []

  private constructor(client: pg.Client, url: string, signal: AbortSignal) {
    this.#client = client
    this.#url = url
    this.#signal = signal
    client.on('notice', ({ message }) => {
      // The last few are enough: they are read after each build.
      if (message !== undefined) this.#notices = [...this.#notices.slice(-9), message]
    })
  }

  /**
   * Lends a session to the work and closes it. When the signal fires, its statement is ended on the server. Errors:
   * CONNECTION_FAILED, OPTIONS_INVALID for a pooler or a url that cannot be read, ABORTED, and those of the work.
   */
  static async lend<T>(url: string, signal: AbortSignal, work: (session: SweepSession) => Promise<T>): Promise<T> {
    const client = await connected(url)
    const session = new SweepSession(client, url, signal)
    const cancel = () => void session.#cancel()
    signal.addEventListener('abort', cancel)
    try {
      await session.#begin()
      return await work(session)
    } finally {
      signal.removeEventListener('abort', cancel)
      await client.end().catch(() => {})
    }
  }

  async #begin(): Promise<void> {
    const [row] = await this.query<{ pid: number }>('select pg_backend_pid() as pid')
    this.#pid = row?.pid ?? 0
    // So that the server ends a build of a program that was killed; not every operating system can tell.
    // pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
    await this.#client.query(`set client_connection_check_interval = 1000`).catch(() => {})
  }

  /** Runs one statement. Errors: as `toFleetError`; ABORTED when the signal fired. */
  async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    this.#assertNotAborted()
    try {
      // One statement a message: a condition that the user gave cannot bring a second.
      const config = { text, values: [...values], queryMode: 'extended' } as pg.QueryConfig
      return (await this.#client.query(config)).rows as Row[]
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Runs a statement that is planned once under its name, as applications do. Errors: as `query`. */
  async search<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    this.#assertNotAborted()
    try {
      return (await this.#client.query({ name, text, values: [...values] })).rows as Row[]
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Sets a setting of this session. Errors: as `query`. */
  async set(name: string, value: string | number): Promise<void> {
    // pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
    await this.query('select set_config($1::text, $2::text, false)', [name, String(value)])
  }

  /** What the server remarked since it was last asked. */
  notices(): readonly string[] {
    const notices = this.#notices
    this.#notices = []
    return notices
  }

  #assertNotAborted(): void {
    if (this.#signal.aborted) throw new FleetError('ABORTED', { message: 'the sweep was interrupted' })
  }

  #failure(error: unknown): FleetError {
    if (this.#signal.aborted) return new FleetError('ABORTED', { message: 'the sweep was interrupted', cause: error })
    return toFleetError(error, true)
  }

  async #cancel(): Promise<void> {
    try {
      const other = await connected(this.#url)
      await other.query('select pg_cancel_backend($1::integer)', [this.#pid]).finally(() => other.end())
    } catch {
      // The server then ends the statement by itself, when it finds its client gone.
      await this.#client.end().catch(() => {})
    }
  }
}

/** True when a statement was ended because its time was over. */
export function isTimeout(error: unknown): boolean {
  return sqlstateOf(error) === '57014'
}

async function connected(url: string): Promise<pg.Client> {
  let client: pg.Client
  try {
    client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      application_name: 'pgfleet advise vectors',
      // A pooler refuses such a start, for it could not keep its promise.
      options: '-c idle_in_transaction_session_timeout=0',
    })
  } catch (cause) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `the url cannot be understood: ${(cause as Error).message}`,
      field: 'url',
      cause,
    })
  }
  // Told by the statement that fails.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    client.end().catch(() => {})
    if (/unsupported startup parameter/.test((error as Error).message)) {
      throw new FleetError('OPTIONS_INVALID', {
        message: 'the url leads to a pooler; a sweep needs a session of the server itself',
        field: 'url',
        hint: 'Give the host and port of PostgreSQL, not those of the pooler.',
        cause: error,
      })
    }
    throw toFleetError(error, false)
  }
}
