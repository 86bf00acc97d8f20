import type { Database } from '../database.js'
import { isConnectionLoss } from '../failure.js'
import type { PrimaryHistory } from './primary-history.js'
import { REPLICA_POSITION, toWalPosition, type WalPosition } from './wal-position.js'

/**
 * What a replica is good for. `ready`: reads go to it. `behind`: its rows are older than `replicaLagMsMax`. `unreachable`:
 * it does not answer. `promoted`: it is no standby any more. `foreign`: it is no copy of the primary. `unknown`: it was
 * not asked yet.
 */
export type ReplicaState = 'ready' | 'behind' | 'unreachable' | 'promoted' | 'foreign' | 'unknown'

/** A replica as it was when it was asked last. */
export interface ReplicaReport {
  /** Host, port and database of its url. */
  readonly name: string
  readonly state: ReplicaState
  /** How old its rows are, in milliseconds, to within twice `replicaPollMs`; null when it is not known. */
  readonly lagMs: number | null
  /** How much of the primary's log it has yet to replay, in bytes; null when it has not answered. */
  readonly lagBytes: number | null
  /** Statements that it answered; a gathered batch is one. */
  readonly reads: number
  /** Statements that it failed, and that the primary answered instead. */
  readonly failures: number
  /** What went wrong last, if anything has. */
  readonly lastError: string | null
}

/** Longest time between two questions to a replica that does not answer, in milliseconds. */
const RETRY_MS_MAX = 30_000
/** Calls that wait for one replica to catch up; further ones go to the primary at once. */
const WAITERS_MAX = 1000

/** One replica: its connections, what is known of it, and those who wait for it to catch up. */
export class Replica {
  readonly name: string
  readonly database: Database
  /** One connection, with a time-out of its own, so that full pools and hanging reads do not hide what it is. */
  readonly #probe: Database
  readonly #lagMsMax: number
  #state: ReplicaState = 'unknown'
  #replayed: WalPosition | undefined
  #reads = 0
  #failures = 0
  #unanswered = 0
  #lastError: string | null = null
  readonly #waiters = new Set<{ position: WalPosition; end: (isThere: boolean) => void }>()
  #isWatching = false
  #isClosed = false
  /** Statements that it is answering. */
  inFlight = 0

  constructor(name: string, database: Database, probe: Database, lagMsMax: number) {
    this.name = name
    this.database = database
    this.#probe = probe
    this.#lagMsMax = lagMsMax
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  /** What it had replayed when it was asked last; by now it is further. */
  get replayed(): WalPosition {
    return this.#replayed ?? -1n
  }

  /** Asks how far it is, and whether it is a standby of this primary. Never rejects. */
  async check(history: PrimaryHistory, system: string | null): Promise<void> {
    try {
      const [row] = await this.#probe.run(REPLICA_POSITION, [], { idempotent: true, reads: true })
      if (row === undefined) throw new Error('the replica returned no row')
      this.#unanswered = 0
      if (!row.recovering || row.position === null) {
        this.#lose('promoted')
      } else if (system !== null && row.system !== null && system !== row.system) {
        this.#lose('foreign')
      } else {
        this.#advance(toWalPosition(row.position))
        this.#state = history.lagMs(this.replayed, performance.now()) > this.#lagMsMax ? 'behind' : 'ready'
      }
    } catch (error) {
      if (this.#isClosed) return
      this.#unanswered++
      this.#lastError = messageOf(error)
      this.#lose('unreachable')
      // What hangs there is repeated on the primary.
      this.database.cut()
    }
  }

  /** How long to wait before it is asked again: longer each time that it does not answer. */
  pauseMs(pollMs: number): number {
    return Math.min(Math.max(RETRY_MS_MAX, pollMs), pollMs * 2 ** Math.min(this.#unanswered, 20))
  }

  /** A statement was answered. */
  answered(): void {
    this.#reads++
  }

  /** A statement was not; what the connection's loss means the next check finds out. */
  failed(error: unknown): void {
    this.#failures++
    this.#lastError = messageOf(error)
    if (isConnectionLoss(error)) this.#lose('unreachable')
  }

  /** True as soon as it has replayed the position; false when that takes longer, it is lost, or too many wait. */
  async reaches(position: WalPosition, waitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.replayed >= position) return true
    if (this.#waiters.size >= WAITERS_MAX || waitMs === 0 || signal?.aborted) return false
    return await new Promise<boolean>((resolve) => {
      const end = (isThere: boolean) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        this.#waiters.delete(waiter)
        resolve(isThere)
      }
      const giveUp = () => end(false)
      const timer = setTimeout(giveUp, waitMs)
      const waiter = { position, end }
      signal?.addEventListener('abort', giveUp)
      this.#waiters.add(waiter)
      void this.#watch()
    })
  }

  /** Asks often while somebody waits, once for all of them. */
  async #watch(): Promise<void> {
    if (this.#isWatching) return
    this.#isWatching = true
    for (let pauseMs = 1; this.#waiters.size > 0; pauseMs = Math.min(20, pauseMs * 1.5)) {
      try {
        const [row] = await this.#probe.run(REPLICA_POSITION, [], { idempotent: true, reads: true })
        if (row?.recovering && row.position !== null) this.#advance(toWalPosition(row.position))
        else this.#lose('promoted')
      } catch (error) {
        this.#lastError = messageOf(error)
        this.#lose('unreachable')
      }
      if (this.#waiters.size > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    this.#isWatching = false
  }

  #advance(position: WalPosition): void {
    this.#replayed = position
    for (const waiter of [...this.#waiters]) if (waiter.position <= position) waiter.end(true)
  }

  #lose(state: ReplicaState): void {
    this.#state = state
    for (const waiter of [...this.#waiters]) waiter.end(false)
  }

  report(history: PrimaryHistory): ReplicaReport {
    const isKnown = this.#replayed !== undefined && history.position !== undefined
    const lagMs = history.lagMs(this.replayed, performance.now())
    return {
      name: this.name,
      state: this.#state,
      lagMs: isKnown && Number.isFinite(lagMs) ? Math.round(lagMs) : null,
      lagBytes: isKnown ? Math.max(0, Number((history.position ?? 0n) - this.replayed)) : null,
      reads: this.#reads,
      failures: this.#failures,
      lastError: this.#lastError,
    }
  }

  /** Waits for the statements that it answers, then closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiter of [...this.#waiters]) waiter.end(false)
    await Promise.all([this.database.close(), this.#probe.close()])
  }

  /** Closes without waiting. */
  async abandon(): Promise<void> {
    this.#isClosed = true
    for (const waiter of [...this.#waiters]) waiter.end(false)
    await Promise.all([this.database.abandon(), this.#probe.abandon()])
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
