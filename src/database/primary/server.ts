import type { Duplex } from 'node:stream'
import pg from 'pg'
import { type Statement, statement } from '../statement.js'

/** What a server is at the moment. */
export interface ServerState {
  /** True for a standby: it takes no writes. */
  readonly recovering: boolean
  /** Which life of the cluster it writes; each promotion begins the next. Null for a standby. */
  readonly timeline: number | null
  /** The identifier that a primary and its standbys share; null when the login may not see it. */
  readonly system: string | null
  /** When it was started: two urls that tell the same lead to one server. */
  readonly started: string
}

/** What a server is. The timeline is that of the log being written: the control file learns of a promotion later. */
export const SERVER_STATE = statement<ServerState>(
  'platform.server_state',
  `select r.recovering,
    case when not r.recovering
      then ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer end as timeline,
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select s.system_identifier::text from pg_control_system() s) end as system,
    pg_postmaster_start_time()::text as started
  from (select pg_is_in_recovery() as recovering) r`,
)

/** One of the servers that may be the primary, and a connection that asks it what it is. */
export class Server {
  /** Host, port and database, without login and password. */
  readonly name: string
  readonly url: string
  #client: pg.Client | undefined

  constructor(url: string) {
    this.url = url
    const { hostname, port, pathname } = new URL(url)
    this.name = `${hostname}:${port || '5432'}${pathname}`
  }

  /** What it is, or why that is not known after so many milliseconds. Never rejects. */
  async ask(limitMs: number): Promise<ServerState | Error> {
    try {
      return await this.query(SERVER_STATE, limitMs)
    } catch (error) {
      this.close()
      return error as Error
    }
  }

  /** The one row of a statement that only looks. Errors: those of the driver. */
  async query<Row>(statement: Statement<Row>, limitMs: number): Promise<Row> {
    const client = this.#client ?? (await this.#connect(limitMs))
    const { rows } = await client.query({ text: statement.text, query_timeout: limitMs } as pg.QueryConfig)
    return rows[0] as Row
  }

  async #connect(limitMs: number): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: limitMs,
      application_name: 'pgfleet primary',
    })
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined
    })
    // Known before it is connected, so that closing ends that too.
    this.#client = client
    await client.connect()
    return client
  }

  /** Closes the connection, whatever runs on it; the next question opens another. */
  close(): void {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection
    stream.destroy()
  }
}
