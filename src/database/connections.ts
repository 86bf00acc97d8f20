import type { Duplex } from 'node:stream'
import pg from 'pg'
import { FleetError } from '../errors.js'
import type { Embedded } from './embedded.js'
import { isConnectionLoss, isStandbyRefusal } from './failure.js'
import { LinkedList } from './linked-list.js'
import type { Primary } from './primary/primary.js'
import { SERVER_STATE, type Server, type ServerState } from './primary/server.js'

/** Where a pool connects to, and how many connections it may have. */
export interface ConnectionOptions {
  readonly connectionString?: string
  /** Several servers instead, of which the one that takes writes is connected to. */
  readonly primary?: Primary
  /** The embedded database behind this pool; ended when a call hangs in it. */
  readonly embedded?: Embedded
  readonly host?: string
  readonly port?: number
  readonly poolMax: number
  readonly connectTimeoutMs: number
  readonly callTimeoutMs: number
}

/** What a pool did since it was opened, and how it stands. */
export interface PoolLoad {
  /** Connections that were lent. */
  readonly lends: number
  /** How long callers waited for them together, in milliseconds. */
  readonly waitedMs: number
  /** How long they were lent together, in milliseconds. */
  readonly heldMs: number
  /** Callers that wait at present. */
  readonly waiting: number
  /** Connections that are lent at present. */
  readonly lent: number
}

/** A connection lent to a callback. */
export type Connection = pg.PoolClient

const { builtins } = pg.types
/** bigint as number: counters and sizes stay below 2^53. Everything else as pg does it. */
const TYPES = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === builtins.INT8 && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

/** A connection while it is lent. */
class Loan {
  readonly connection: Connection
  readonly lentAt = performance.now()
  borrowers = 0
  /** Why it is not used again. */
  broken: Error | undefined

  constructor(connection: Connection) {
    this.connection = connection
  }
}

/** A pool of pipelined connections to one PostgreSQL, embedded or a server, or to whichever of several is the primary. */
export class Connections {
  readonly #pool: pg.Pool
  readonly #options: ConnectionOptions
  readonly #unfollow: () => void
  /** Connections that told of their end, whoever held them then. */
  readonly #broken = new WeakMap<pg.ClientBase, Error>()
  /** Where each connection leads, of several servers. */
  readonly #servers = new WeakMap<pg.ClientBase, Server>()
  /** Connections that are lent at present. */
  readonly #lent = new Set<pg.PoolClient>()
  /** The last loan of each pipeline that has one. */
  readonly #pipelines = new Map<object, Loan>()
  /** Connections that were made and have not ended. */
  readonly #open = new Set<pg.PoolClient>()
  /** How those who wait for a connection are told that none comes. */
  readonly #waiters = new LinkedList<(error: Error) => void>()
  #losses = 0
  #closed = false
  #lends = 0
  #waitedMs = 0
  #heldMs = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { primary, embedded } = options
    this.#pool = new pg.Pool({
      ...(options.connectionString === undefined
        ? { host: options.host, port: options.port, user: 'postgres', database: 'postgres', password: '' }
        : { connectionString: options.connectionString }),
      ...(primary === undefined ? {} : this.#toPrimary(primary)),
      max: embedded === undefined ? options.poolMax : 1,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: embedded === undefined ? 30_000 : 0,
      query_timeout: options.callTimeoutMs,
      application_name: 'pgfleet',
      types: TYPES,
      pipeline: true,
    } as pg.PoolConfig)
    // An idle connection that dies is replaced when next needed; without a listener it would end the process.
    this.#pool.on('error', () => {
      this.#losses++
    })
    this.#pool.on('remove', (connection) => this.#open.delete(connection))
    this.#pool.on('connect', (connection) => {
      this.#open.add(connection)
      // Of its own, from the first to the last: a connection may end between being idle and being lent, when neither the
      // pool nor the borrower listens, and may tell of it more than once.
      connection.on('error', (error) => this.#break(connection, error))
      // A commit whose wait for the standbys was cancelled is told as done, with a warning; the routine's name is in no
      // language.
      connection.on('notice', ({ routine }) => {
        if (routine !== 'SyncRepWaitForLSN') return
        this.#break(
          connection,
          new Error('Connection terminated: a commit was cancelled while it waited for the standbys'),
        )
      })
      // The embedded database is one session: what an earlier connection had prepared is still there.
      if (embedded !== undefined) void connection.query('deallocate all').catch(() => {})
    })
    // What runs on an old primary is cut off: nothing it answers counts any more.
    this.#unfollow = primary?.follow(() => this.#cutAllBut(primary.target)) ?? (() => {})
  }

  /** Most connections; of the embedded database always one. What is in use beyond a lower limit is closed when it comes back. */
  get max(): number {
    return this.#pool.options.max as number
  }

  set max(max: number) {
    if (this.#options.embedded === undefined) this.#pool.options.max = max
  }

  /** What the pool did since it was opened. */
  get load(): PoolLoad {
    return {
      lends: this.#lends,
      waitedMs: this.#waitedMs,
      heldMs: this.#heldMs,
      waiting: this.#pool.waitingCount,
      lent: this.#lent.size,
    }
  }

  /** How often a connection was lost: what had been sent there may be committed on a server whose standbys lack it. */
  get losses(): number {
    return this.#losses
  }

  /**
   * Lends a connection to the callback. With a pipeline it may be one that is lent for the same pipeline already: what the callback
   * sends, before it waits for anything, follows there what was sent before, and is answered behind that.
   * Errors: CLOSED, PRIMARY_UNAVAILABLE, those of the driver and of the callback.
   */
  async lend<T>(callback: (connection: Connection) => Promise<T>, pipeline?: object): Promise<T> {
    if (this.#closed) throw new FleetError('CLOSED', { message: 'the fleet was closed' })
    const loan = this.#loanOf(pipeline) ?? (await this.#borrow())
    const { connection } = loan
    loan.borrowers++
    if (pipeline !== undefined) this.#pipelines.set(pipeline, loan)
    try {
      const end = this.#broken.get(connection)
      // It ended on its way here: nothing was sent.
      if (end !== undefined) throw new Error(`Connection terminated before it was used: ${end.message}`, { cause: end })
      const result = await callback(connection)
      const doubt = this.#broken.get(connection)
      if (doubt !== undefined && /waited for the standbys/.test(doubt.message)) throw doubt
      return result
    } catch (error) {
      const server = this.#servers.get(connection)
      // FATAL: the server ends the session, for a time-out of its own too.
      if (
        isConnectionLoss(error) ||
        (error as { severity?: string }).severity === 'FATAL' ||
        (server !== undefined && isStandbyRefusal(error))
      ) {
        loan.broken = error as Error
        this.#losses++
        if (server !== undefined) this.#options.primary?.suspect(server)
      }
      throw error
    } finally {
      loan.borrowers--
      if (loan.borrowers === 0) {
        if (pipeline !== undefined && this.#pipelines.get(pipeline) === loan) this.#pipelines.delete(pipeline)
        this.#return(loan)
      }
    }
  }

  /** The loan that what belongs to the pipeline may join. */
  #loanOf(pipeline: object | undefined): Loan | undefined {
    const loan = pipeline === undefined ? undefined : this.#pipelines.get(pipeline)
    return loan === undefined || loan.broken !== undefined || this.#broken.has(loan.connection) ? undefined : loan
  }

  async #borrow(): Promise<Loan> {
    const askedAt = performance.now()
    const loan = new Loan(await this.#connect())
    this.#lends++
    this.#waitedMs += loan.lentAt - askedAt
    this.#lent.add(loan.connection)
    return loan
  }

  #return({ connection, lentAt, broken }: Loan): void {
    this.#heldMs += performance.now() - lentAt
    this.#lent.delete(connection)
    // One too many, since the limit was lowered.
    connection.release(broken ?? this.#broken.get(connection) ?? this.#pool.totalCount > this.max)
  }

  /** A connection; of several servers one to the primary, as soon as there is one. */
  async #connect(): Promise<pg.PoolClient> {
    const { primary, connectTimeoutMs } = this.#options
    if (primary === undefined) return await this.#take()
    const end = performance.now() + connectTimeoutMs
    for (;;) {
      const server = await primary.find(end)
      try {
        const connection = await this.#take()
        if (this.#servers.get(connection) === primary.target) return connection
        connection.release(true)
      } catch (error) {
        if (!isConnectionLoss(error) || performance.now() >= end) throw error
        primary.suspect(server)
      }
    }
  }

  /** A connection of the pool; `cut` ends the wait for one. */
  #take(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      const leave = this.#waiters.add(reject)
      this.#pool.connect((error, connection) => {
        if (!leave()) connection?.release()
        else if (connection === undefined) reject(error)
        else resolve(connection)
      })
    })
  }

  /** The options of a pool whose connections lead to the primary, and are asked first whether it is one. */
  #toPrimary(primary: Primary): object {
    const remember = (client: pg.Client, server: Server) => this.#servers.set(client, server)
    const serverOf = (client: pg.ClientBase) => this.#servers.get(client)
    class Client extends pg.Client {
      constructor(config: pg.ClientConfig) {
        const server = primary.target
        super({ ...config, connectionString: server.url, connectionTimeoutMillis: primary.answerMs })
        remember(this, server)
      }
    }
    return {
      Client,
      async onConnect(client: pg.Client) {
        const { rows } = await client.query<ServerState>({
          text: SERVER_STATE.text,
          query_timeout: primary.answerMs,
        } as pg.QueryConfig)
        const refusal = primary.refusal(rows[0] as ServerState)
        if (refusal !== undefined) throw new Error(`Connection terminated: ${serverOf(client)?.name} is ${refusal}`)
      },
    }
  }

  #break(connection: pg.ClientBase, error: Error): void {
    if (!this.#broken.has(connection)) this.#broken.set(connection, error)
  }

  /** Ends the connections that are lent, and the wait of those who have none yet. */
  cut(): void {
    for (const connection of this.#lent) cut(connection)
    for (const refuse of this.#waiters) refuse(new Error(CUT))
    this.#waiters.clear()
  }

  #cutAllBut(server: Server): void {
    for (const connection of this.#lent) if (this.#servers.get(connection) !== server) cut(connection)
  }

  /** Closes without waiting. */
  async abandon(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.cut()
    await this.#options.embedded?.stop()
    await this.#end()
  }

  /** Waits for the connections that are lent, then closes them all. A second close is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#end()
    await this.#options.embedded?.stop()
  }

  async #end(): Promise<void> {
    await this.#pool.end()
    // Their ends are on the way. A server that has vanished from the network never answers, and must not keep the process alive.
    for (const connection of this.#open) (connection as unknown as { unref(): void }).unref()
    this.#unfollow()
  }
}

const CUT = 'Connection terminated: it was cut off'

/** Ends a connection whatever runs on it. */
function cut(connection: pg.PoolClient): void {
  const { stream } = (connection as unknown as { connection: { stream: Duplex } }).connection
  stream.destroy(new Error(CUT))
}
