import { Database, type DatabaseOptions } from '../database.js'
import { sqlstateOf } from '../failure.js'
import { PrimaryHistory } from './primary-history.js'
import { Replica, type ReplicaReport } from './replica.js'
import { PRIMARY_POSITION, toWalPosition, type WalPosition } from './wal-position.js'
import { WritePosition } from './write-position.js'

/**
 * How new the rows are that a read has to see. `latest`: all that is committed; the primary answers. `own-writes`: all that
 * this fleet had written, and was told is committed, before the call; of others' writes they may be older. `stale`: not
 * older than `replicaLagMsMax`. `cached`: as `own-writes`, and not older than the cache's `staleMs`; the fleet's cache answers
 * hot reads, the primary all else.
 */
export type Consistency = 'latest' | 'cached' | 'own-writes' | 'stale'

/** What a server is asked for: `cached` is `latest` there. */
export type ServerConsistency = Exclude<Consistency, 'cached'>

/** Limits of the replicas. */
export interface ReplicaOptions {
  /** Longest wait for a replica to replay what this fleet wrote, in milliseconds. */
  readonly waitMs: number
  /** A replica with older rows than this, in milliseconds, is left out. */
  readonly lagMsMax: number
  /** How often replicas and primary are asked how far they are, in milliseconds. */
  readonly pollMs: number
}

/** Where reads that need not be the latest went since opening: statements, a gathered batch being one. */
export interface ReplicasReport {
  /** Statements that a replica answered. */
  readonly onReplicas: number
  /** Statements that the primary answered instead, by reason. */
  readonly onPrimary: {
    /** No replica was ready. */
    readonly unavailable: number
    /** None had replayed this fleet's own writes in time. */
    readonly behind: number
    /** The replica failed. */
    readonly failed: number
  }
  readonly replicas: readonly ReplicaReport[]
}

/** Longest time for one question to a server, in milliseconds. */
const PROBE_MS_MAX = 2000
/** Longest time that opening waits for the replicas' first answer, in milliseconds. */
const FIRST_MS_MAX = 1000

/** The replicas of a primary: which of them answers what, and how far they are. */
export class Replicas {
  readonly #primary: Database
  readonly #replicas: readonly Replica[]
  readonly #options: ReplicaOptions
  readonly #history = new PrimaryHistory()
  readonly #writes: WritePosition
  readonly #probe: Database
  readonly #timers = new Map<unknown, NodeJS.Timeout>()
  readonly #onPrimary = { unavailable: 0, behind: 0, failed: 0 }
  #onReplicas = 0
  #system: string | null = null
  #isClosed = false

  /** @param urls of the replicas. @param limits those of the primary's pool, which hold for each replica's too */
  constructor(
    primary: Database,
    urls: readonly string[],
    limits: Omit<DatabaseOptions, 'connectionString' | 'primary'>,
    options: ReplicaOptions,
  ) {
    this.#primary = primary
    this.#options = options
    const probe = (server: Pick<DatabaseOptions, 'connectionString' | 'primary'>) =>
      new Database({
        ...limits,
        ...server,
        poolMax: 1,
        attemptsMax: 1,
        connectTimeoutMs: Math.min(limits.connectTimeoutMs, PROBE_MS_MAX),
        callTimeoutMs: Math.min(limits.callTimeoutMs, PROBE_MS_MAX),
      })
    this.#probe = probe(primary.server)
    this.#writes = new WritePosition(async (durability) => await this.#look(durability === 'async'))
    primary.onCommit((durability) => this.#writes.wrote(durability))
    this.#replicas = urls.map(
      (connectionString) =>
        new Replica(
          nameOf(connectionString),
          // Whatever a replica fails, the primary is asked next: repeating it there gains nothing.
          new Database({ ...limits, connectionString, attemptsMax: 1 }),
          probe({ connectionString }),
          options.lagMsMax,
        ),
    )
  }

  /** Begins to watch; resolves when all have answered once, or after a second. */
  async open(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const first = (async () => {
      await this.#watchPrimary()
      await Promise.all(this.#replicas.map((replica) => this.#watch(replica)))
    })()
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_MS_MAX)
    })
    await Promise.race([first, limit])
    clearTimeout(timer)
  }

  /**
   * Runs a read on the replica that suits it, else on the primary. What a replica fails is repeated on the primary, whose
   * answer counts: a replica may lack what was created just now, be gone, or have cancelled the read to go on replaying.
   */
  async read<T>(
    consistency: Exclude<ServerConsistency, 'latest'>,
    run: (database: Database) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return await this.#read(consistency, run, (error) => !signal?.aborted && !isTimeout(error), signal)
  }

  /** Runs a transaction that reads; it is repeated on the primary as long as its callback has not `begun`. */
  async transaction<T>(
    consistency: Exclude<ServerConsistency, 'latest'>,
    run: (database: Database, begun: () => void) => Promise<T>,
  ): Promise<T> {
    let hasBegun = false
    const begun = () => {
      hasBegun = true
    }
    return await this.#read(
      consistency,
      (at) => run(at, begun),
      () => !hasBegun,
    )
  }

  async #read<T>(
    consistency: Exclude<ServerConsistency, 'latest'>,
    run: (database: Database) => Promise<T>,
    mayRepeat: (error: unknown) => boolean,
    signal?: AbortSignal,
  ): Promise<T> {
    const replica = await this.#choose(consistency, signal)
    if (replica === undefined) return await run(this.#primary)
    try {
      const result = await run(replica.database)
      this.#onReplicas++
      replica.answered()
      return result
    } catch (error) {
      if (!mayRepeat(error)) throw error
      replica.failed(error)
      this.#onPrimary.failed++
    } finally {
      replica.inFlight--
    }
    return await run(this.#primary)
  }

  /** The least loaded of the replicas that are far enough, with this read counted; undefined where the primary answers. */
  async #choose(
    consistency: Exclude<ServerConsistency, 'latest'>,
    signal: AbortSignal | undefined,
  ): Promise<Replica | undefined> {
    const ready = this.#replicas.filter(({ isReady }) => isReady)
    if (ready.length === 0) {
      this.#onPrimary.unavailable++
      return undefined
    }
    if (consistency === 'stale') {
      const now = performance.now()
      const lags = new Map(ready.map((replica) => [replica, this.#history.lagMs(replica.replayed, now)]))
      // Each look is up to `pollMs` old, at the replica and at the primary.
      const limit = Math.min(Math.min(...lags.values()) + 2 * this.#options.pollMs, this.#options.lagMsMax)
      const least = taken(ready.filter((replica) => (lags.get(replica) ?? 0) <= limit))
      if (least === undefined) this.#onPrimary.unavailable++
      return least
    }
    const position = await this.#writes.position().catch(() => undefined)
    if (position === undefined) {
      this.#onPrimary.unavailable++
      return undefined
    }
    const there = taken(ready.filter(({ replayed }) => replayed >= position))
    if (there !== undefined) return there
    const next = ready.reduce((best, replica) => (replica.replayed > best.replayed ? replica : best))
    if (await next.reaches(position, this.#options.waitMs, signal)) return taken([next])
    this.#onPrimary.behind++
    return undefined
  }

  async #look(includesAsync: boolean): Promise<WalPosition> {
    const [row] = await this.#probe.run(PRIMARY_POSITION, [includesAsync], { idempotent: true, reads: true })
    if (row === undefined) throw new Error('the primary returned no row')
    this.#system = row.system
    return toWalPosition(row.position)
  }

  /** Looks where the primary's log ends, again and again. */
  async #watchPrimary(): Promise<void> {
    const at = performance.now()
    try {
      this.#history.add(at, await this.#look(false))
    } catch {
      // What is known of it stays: a replica that has all of that goes on answering.
    }
    this.#later(this.#history, this.#options.pollMs, () => this.#watchPrimary())
  }

  async #watch(replica: Replica): Promise<void> {
    await replica.check(this.#history, this.#system)
    this.#later(replica, replica.pauseMs(this.#options.pollMs), () => this.#watch(replica))
  }

  #later(owner: unknown, pauseMs: number, work: () => Promise<void>): void {
    if (this.#isClosed) return
    const timer = setTimeout(() => void work(), pauseMs)
    // Whoever reads keeps the process alive, not this.
    timer.unref()
    this.#timers.set(owner, timer)
  }

  report(): ReplicasReport {
    return {
      onReplicas: this.#onReplicas,
      onPrimary: { ...this.#onPrimary },
      replicas: this.#replicas.map((replica) => replica.report(this.#history)),
    }
  }

  /** Waits for what the replicas answer, then closes their connections. */
  async close(): Promise<void> {
    this.#stop()
    await Promise.all([this.#probe.close(), ...this.#replicas.map((replica) => replica.close())])
  }

  /** Closes without waiting. */
  async abandon(): Promise<void> {
    this.#stop()
    await Promise.all([this.#probe.abandon(), ...this.#replicas.map((replica) => replica.abandon())])
  }

  #stop(): void {
    this.#isClosed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }
}

/** The one that answers the fewest; counted at once, so that the next call sees it. */
function taken(replicas: readonly Replica[]): Replica | undefined {
  const [first, ...others] = replicas
  if (first === undefined) return undefined
  const least = others.reduce((best, replica) => (replica.inFlight < best.inFlight ? replica : best), first)
  least.inFlight++
  return least
}

/** True when the statement took too long by a limit of its own, as it would on the primary. */
function isTimeout(error: unknown): boolean {
  return sqlstateOf(error) === '57014' && !/conflict with recovery/.test((error as Error).message)
}

function nameOf(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port || '5432'}${pathname}`
}
