import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import { FleetError } from '../errors.js'
import type { Durability } from './batch.js'
import { type Connection, type ConnectionOptions, Connections, type PoolLoad } from './connections.js'
import { isConnectionLoss, isStalePlan, sqlstateOf, toFleetError } from './failure.js'
import { withRetry } from './retry.js'
import { asyncForm, type Statement, statement } from './statement.js'

/** Where the database is and how many connections it may have. */
export interface DatabaseOptions extends ConnectionOptions {
  readonly prepare: boolean
  /** How often a call is tried, where repeating it is safe; see `withRetry`. */
  readonly attemptsMax?: number
}

/** How one call runs. */
export interface RunOptions {
  readonly durability?: Durability
  /** True when repeating the call after a lost connection cannot apply it twice. @default false */
  readonly idempotent?: boolean
  /** True when it writes nothing: its commit is not told of. @default false */
  readonly reads?: boolean
  /** Of calls with the same one a later may follow on the connection of one that has not been answered. @default a connection for itself */
  readonly pipeline?: object | undefined
  readonly signal?: AbortSignal
}

/** How a transaction of several statements runs. */
export interface TransactionRun {
  readonly durability?: Durability
  /** True when it can write nothing. @default false */
  readonly readOnly?: boolean
}

/** Sets the tenant and the unprivileged role for the transaction. */
export const ENTER = statement<unknown>('platform.enter', 'select platform.enter($1::text)')
/** Lets the transaction's commit settle before it is on disk. */
export const SET_ASYNC = statement<unknown>(
  'platform.set_async',
  `select set_config('synchronous_commit', 'off', true)`,
)

/**
 * Makes the commit wait for the standbys, as far as it is to, also when the transaction writes nothing: all that the server
 * committed before is then there, too. What a lost call had written may be found by its repetition while no standby has it.
 */
export const CONFIRM = statement<unknown>(
  'platform.confirm',
  `select case when not pg_is_in_recovery() then pg_logical_emit_message(true, 'pgfleet', '') end`,
)

/**
 * Runs calls on one PostgreSQL, embedded or a server. Nothing here relies on the state of a
 * session: whatever is set, is set for the transaction, in the same flight as the statement.
 */
export class Database {
  readonly #connections: Connections
  readonly #options: DatabaseOptions
  readonly #inTransaction = new AsyncLocalStorage<true>()
  /** Prepared names carry it, so that a statement whose plan no longer fits is prepared afresh. */
  #generation = 0
  /** Losses of connections behind which a write was confirmed. */
  #confirmed = 0
  #committed: (durability: Durability) => void = () => {}

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#connections = new Connections(options)
  }

  /** Has each commit that may have written told of, before its caller hears of it. */
  onCommit(listener: (durability: Durability) => void): void {
    this.#committed = listener
  }

  /** Where its connections lead. */
  get server(): Pick<DatabaseOptions, 'connectionString' | 'primary'> {
    const { connectionString, primary } = this.#options
    return {
      ...(connectionString === undefined ? {} : { connectionString }),
      ...(primary === undefined ? {} : { primary }),
    }
  }

  /** Most connections of its pool. */
  get poolMax(): number {
    return this.#connections.max
  }

  set poolMax(max: number) {
    this.#connections.max = max
  }

  /** What its pool did. */
  get poolLoad(): PoolLoad {
    return this.#connections.load
  }

  /** True for the embedded database, which has one connection. */
  get isEmbedded(): boolean {
    return this.#options.embedded !== undefined
  }

  /**
   * Refuses a plain call inside a transaction of the embedded database: it would wait for the one connection that the
   * transaction holds, for ever.
   */
  assertNotNested(): void {
    if (this.isEmbedded && this.#inTransaction.getStore()) {
      throw new FleetError('TRANSACTION_NESTED', {
        message: 'a plain call inside a transaction would wait for the connection that the transaction holds',
      })
    }
  }

  /** Runs one statement in a transaction of its own: one message. With durability `async` it is one of an operation. */
  run<Row>(statement: Statement<Row>, values: readonly unknown[], options: RunOptions = {}): Promise<Row[]> {
    return this.#flight([], options.durability === 'async' ? asyncForm(statement) : statement, values, options)
  }

  /** Like `run`, inside the tenant: begin, enter, statement and commit leave in one flight. */
  runAs<Row>(
    tenant: string,
    statement: Statement<Row>,
    values: readonly unknown[],
    options: RunOptions = {},
  ): Promise<Row[]> {
    const before = [this.#query(ENTER, [tenant])]
    if (options.durability === 'async') before.push(this.#query(SET_ASYNC, []))
    return this.#flight(before, statement, values, options)
  }

  async #flight<Row>(
    before: readonly pg.QueryConfig[],
    statement: Statement<Row>,
    values: readonly unknown[],
    options: RunOptions,
  ): Promise<Row[]> {
    let sent = false
    const isDurable = !options.reads && options.durability !== 'async'
    try {
      const rows = await withRetry(
        async () => {
          sent = false
          const { losses } = this.#connections
          const result = await this.#lend(async (connection) => {
            const confirm = isDurable ? this.#confirm() : []
            sent = true
            if (before.length + confirm.length === 0) {
              return (await connection.query(this.#query(statement, values))).rows as Row[]
            }
            const flight = [
              { text: 'begin' },
              ...confirm,
              ...before,
              this.#query(statement, values),
              { text: 'commit' },
            ]
            const landed = await Promise.allSettled(flight.map((query) => connection.query(query)))
            return committed(landed, landed.length - 2).rows as Row[]
          }, options.pipeline)
          if (isDurable) this.#confirmed = Math.max(this.#confirmed, losses)
          return result
        },
        () => sent,
        {
          idempotent: options.idempotent ?? false,
          signal: options.signal,
          limitMs: this.#options.callTimeoutMs,
          ...(this.#options.attemptsMax === undefined ? {} : { attemptsMax: this.#options.attemptsMax }),
        },
      )
      if (!options.reads) this.#committed(options.durability ?? 'durable')
      return rows
    } catch (error) {
      throw this.#ended(error, sent)
    }
  }

  /** What a durable write has to begin with; nothing unless a connection was lost since the last one. */
  #confirm(): pg.QueryConfig[] {
    return this.isEmbedded || this.#connections.losses === this.#confirmed ? [] : [this.#query(CONFIRM, [])]
  }

  /** Lends a connection inside a transaction; commits when the callback resolves, else rolls back. */
  async transaction<T>(
    begin: string,
    enter: readonly { statement: Statement<unknown>; values: readonly unknown[] }[],
    callback: (run: <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>) => Promise<T>,
    { durability = 'durable', readOnly = false }: TransactionRun = {},
  ): Promise<T> {
    this.assertNotNested()
    let committing = false
    const isDurable = !readOnly && durability === 'durable'
    const { losses } = this.#connections
    try {
      const result = await this.#lend(async (connection) => {
        const opened = await Promise.allSettled([
          connection.query(begin),
          ...(isDurable ? this.#confirm() : []).map((query) => connection.query(query)),
          ...enter.map(({ statement, values }) => connection.query(this.#query(statement, values))),
        ])
        let active = true
        try {
          for (const part of opened) if (part.status === 'rejected') throw part.reason
          const result = await this.#within(() =>
            callback(async (statement, values) => {
              if (!active) {
                throw new FleetError('TRANSACTION_ENDED', {
                  message: `${statement.name} was called after its transaction had ended`,
                })
              }
              try {
                return (await connection.query(this.#query(statement, values))).rows
              } catch (error) {
                throw toFleetError(error, false, readOnly)
              }
            }),
          )
          active = false
          committing = true
          const [commit] = await Promise.allSettled([connection.query('commit')])
          committed([commit as PromiseSettledResult<pg.QueryResult>], 0)
          if (!readOnly) this.#committed(durability)
          return result
        } catch (error) {
          active = false
          if (!isConnectionLoss(error)) await connection.query('rollback').catch(() => {})
          throw error
        }
      })
      if (isDurable) this.#confirmed = Math.max(this.#confirmed, losses)
      return result
    } catch (error) {
      // Before the commit was sent a lost connection rolls back: the outcome is known.
      throw isOurs(error) ? this.#ended(error, committing) : error
    }
  }

  /**
   * Marks what the callback calls as inside a transaction; on the embedded database alone, where it matters: once used, the
   * mark costs every promise of the process a hook.
   */
  #within<T>(callback: () => Promise<T>): Promise<T> {
    return this.isEmbedded ? this.#inTransaction.run(true, callback) : callback()
  }

  /** Lends a connection for work that minds its own transactions: migrations and reports. */
  async lend<T>(callback: (connection: Connection) => Promise<T>): Promise<T> {
    this.assertNotNested()
    let lent = false
    try {
      const result = await this.#lend((connection) => {
        lent = true
        return callback(connection)
      })
      // Whatever it did: nobody knows how durably.
      this.#committed('async')
      return result
    } catch (error) {
      throw isOurs(error) ? this.#ended(error, lent) : error
    }
  }

  async #lend<T>(callback: (connection: Connection) => Promise<T>, pipeline?: object): Promise<T> {
    try {
      return await this.#connections.lend(callback, pipeline)
    } catch (error) {
      // The next attempt prepares the statement under a name of its own.
      if (isStalePlan(error)) this.#generation++
      throw error
    }
  }

  #query(statement: Statement<unknown>, values: readonly unknown[]): pg.QueryConfig {
    const { name, text } = statement
    const query = { text, values: values as unknown[] }
    if (!this.#options.prepare) return query
    // Another text as well as another name: a pooler keeps statements by their text.
    return this.#generation === 0
      ? { ...query, name }
      : { text: `${text} -- ${this.#generation}`, values: query.values, name: `${name}#${this.#generation}` }
  }

  #ended(error: unknown, sent: boolean): FleetError {
    if (this.#options.embedded !== undefined && /Query read timeout/.test((error as Error).message)) {
      // The embedded engine cannot be interrupted: its worker is ended, and with it whatever hangs in it.
      this.#options.embedded.stop().catch(() => {})
    }
    return toFleetError(error, sent)
  }

  /** Ends the connections that are lent, and the wait for one: whoever waits gets CONNECTION_FAILED or OUTCOME_UNKNOWN. */
  cut(): void {
    this.#connections.cut()
  }

  /** Closes without waiting: statements that run are cut off, and the server ends them when it notices. */
  async abandon(): Promise<void> {
    await this.#connections.abandon()
  }

  /** Waits for the connections that are lent, then closes them all. A second close is harmless. */
  async close(): Promise<void> {
    await this.#connections.close()
  }
}

/** The result at `index`, when everything landed and the commit was one: a commit of a failed transaction is tagged ROLLBACK. */
function committed(landed: readonly PromiseSettledResult<pg.QueryResult>[], index: number): pg.QueryResult {
  for (const part of landed) if (part.status === 'rejected') throw part.reason
  const results = landed.map((part) => (part as PromiseFulfilledResult<pg.QueryResult>).value)
  if (results.at(-1)?.command !== 'COMMIT') {
    throw new FleetError('TRANSACTION_ENDED', {
      message: 'a statement of the transaction had failed, so its commit rolled it back',
    })
  }
  return results[index] as pg.QueryResult
}

/** Errors of the driver are translated; what a callback threw passes as it is. */
function isOurs(error: unknown): boolean {
  return sqlstateOf(error) !== undefined || isConnectionLoss(error)
}
