import { AsyncLocalStorage } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { FleetError } from '../errors.js'
import type { Durability } from './batch.js'
import type { Embedded } from './embedded.js'
import { isConnectionLoss, isStalePlan, sqlstateOf, toFleetError } from './failure.js'
import { withRetry } from './retry.js'
import { type Statement, statement } from './statement.js'

/** Where the database is and how many connections it may have. */
export interface DatabaseOptions {
  readonly connectionString?: string
  /** The embedded database behind this pool; ended when a call hangs in it. */
  readonly embedded?: Embedded
  readonly host?: string
  readonly port?: number
  readonly poolMax: number
  readonly connectTimeoutMs: number
  readonly callTimeoutMs: number
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
  readonly signal?: AbortSignal
}

/** How a transaction of several statements runs. */
export interface TransactionRun {
  readonly durability?: Durability
  /** True when it can write nothing. @default false */
  readonly readOnly?: boolean
}

/** A connection lent to a callback. */
export type Connection = pg.PoolClient

/** Sets the tenant and the unprivileged role for the transaction. */
export const ENTER = statement<unknown>('platform.enter', 'select platform.enter($1::text)')
/** Lets the transaction's commit settle before it is on disk. */
export const SET_ASYNC = statement<unknown>(
  'platform.set_async',
  `select set_config('synchronous_commit', 'off', true)`,
)

const { builtins } = pg.types
/** bigint as number: counters and sizes stay below 2^53. Everything else as pg does it. */
const TYPES = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === builtins.INT8 && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

/**
 * A pool of pipelined connections to one PostgreSQL, embedded or a server. Nothing here relies on the state of a
 * session: whatever is set, is set for the transaction, in the same flight as the statement.
 */
export class Database {
  readonly #pool: pg.Pool
  readonly #options: DatabaseOptions
  readonly #inTransaction = new AsyncLocalStorage<true>()
  /** Connections that told of their end, whoever held them then. */
  readonly #broken = new WeakMap<pg.PoolClient, Error>()
  /** Connections that are lent at present. */
  readonly #lent = new Set<pg.PoolClient>()
  /** Prepared names carry it, so that a statement whose plan no longer fits is prepared afresh. */
  #generation = 0
  #closed = false
  #committed: (durability: Durability) => void = () => {}

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#pool = new pg.Pool({
      ...(options.connectionString === undefined
        ? { host: options.host, port: options.port, user: 'postgres', database: 'postgres', password: '' }
        : { connectionString: options.connectionString }),
      max: options.embedded === undefined ? options.poolMax : 1,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: options.embedded === undefined ? 30_000 : 0,
      query_timeout: options.callTimeoutMs,
      application_name: 'pgfleet',
      types: TYPES,
      pipeline: true,
    } as pg.PoolConfig)
    // An idle connection that dies is replaced when next needed; without a listener it would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (connection) => {
      // Of its own, from the first to the last: a connection may end between being idle and being lent, when neither the
      // pool nor the borrower listens, and may tell of it more than once.
      connection.on('error', (error) => {
        if (!this.#broken.has(connection)) this.#broken.set(connection, error)
      })
      // The embedded database is one session: what an earlier connection had prepared is still there.
      if (this.isEmbedded) void connection.query('deallocate all').catch(() => {})
    })
  }

  /** Has each commit that may have written told of, before its caller hears of it. */
  onCommit(listener: (durability: Durability) => void): void {
    this.#committed = listener
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

  /** Runs one statement in a transaction of its own: one flight, and with default durability one message. */
  run<Row>(statement: Statement<Row>, values: readonly unknown[], options: RunOptions = {}): Promise<Row[]> {
    const before = options.durability === 'async' ? [this.#query(SET_ASYNC, [])] : []
    return this.#flight(before, statement, values, options)
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
    try {
      const rows = await withRetry(
        async () => {
          sent = false
          return await this.#lend(async (connection) => {
            sent = true
            if (before.length === 0) {
              return (await connection.query(this.#query(statement, values))).rows as Row[]
            }
            const flight = [{ text: 'begin' }, ...before, this.#query(statement, values), { text: 'commit' }]
            const landed = await Promise.allSettled(flight.map((query) => connection.query(query)))
            return committed(landed, landed.length - 2).rows as Row[]
          })
        },
        () => sent,
        {
          idempotent: options.idempotent ?? false,
          signal: options.signal,
          ...(this.#options.attemptsMax === undefined ? {} : { attemptsMax: this.#options.attemptsMax }),
        },
      )
      if (!options.reads) this.#committed(options.durability ?? 'durable')
      return rows
    } catch (error) {
      throw this.#ended(error, sent)
    }
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
    try {
      return await this.#lend(async (connection) => {
        const opened = await Promise.allSettled([
          connection.query(begin),
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
                throw toFleetError(error, false)
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

  async #lend<T>(callback: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) throw new FleetError('CLOSED', { message: 'the fleet was closed' })
    const connection = await this.#pool.connect()
    let broken: Error | undefined
    this.#lent.add(connection)
    try {
      const end = this.#broken.get(connection)
      // It ended on its way here: nothing was sent.
      if (end !== undefined) throw new Error(`Connection terminated before it was used: ${end.message}`, { cause: end })
      return await callback(connection)
    } catch (error) {
      // FATAL: the server ends the session, for a time-out of its own too.
      if (isConnectionLoss(error) || (error as { severity?: string }).severity === 'FATAL') broken = error as Error
      // The next attempt prepares the statement under a name of its own.
      if (isStalePlan(error)) this.#generation++
      throw error
    } finally {
      this.#lent.delete(connection)
      connection.release(broken ?? this.#broken.get(connection))
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

  /** Ends the connections that are lent: whoever waits for them gets CONNECTION_FAILED or OUTCOME_UNKNOWN. */
  cut(): void {
    for (const connection of this.#lent) cut(connection)
  }

  /** Closes without waiting: statements that run are cut off, and the server ends them when it notices. */
  async abandon(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.cut()
    await this.#options.embedded?.stop()
    await this.#pool.end()
  }

  /** Waits for the connections that are lent, then closes them all. A second close is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pool.end()
    await this.#options.embedded?.stop()
  }
}

/** Ends a connection whatever runs on it. */
function cut(connection: pg.PoolClient): void {
  const { stream } = (connection as unknown as { connection: { stream: Duplex } }).connection
  stream.destroy(new Error('Connection terminated: it was cut off'))
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
