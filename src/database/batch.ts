import { FleetError } from '../errors.js'
import { BatchMeter, type BatchMetrics } from './batch-metrics.js'
import type { BatchOptions } from './batch-options.js'
import { BatchQueue } from './batch-queue.js'
import { Unit } from './batch-unit.js'
import type { CachedRead } from './cache/cached-read.js'
import type { ServerConsistency } from './replicas/replicas.js'
import type { Statement } from './statement.js'

/** What a crash of the server may lose of a settled call: nothing, or the last moments (about 0.6 s). */
export type Durability = 'durable' | 'async'

/** Options that every call takes. */
export interface CallOptions {
  /** Ends the wait. Before the call is sent it rejects with ABORTED; a write in flight with OUTCOME_UNKNOWN. */
  readonly signal?: AbortSignal
  /**
   * `durable`: settles when the commit is on disk. `async`: settles when it is visible to all; a crash of the server
   * may lose the last moments (three times wal_writer_delay, 0.6 s by default), never a part of a batch. @default 'durable'
   */
  readonly durability?: Durability
}

/**
 * An operation that takes many items in one statement: `select * from f($1::text, $2::jsonb)`, tenant and items; with
 * `attach`, `f($1::text, $2::jsonb, $3::bytea)`, or another type whose binary form the bytes are.
 */
export interface Operation<Item, Row, Result> {
  readonly name: string
  /** Returns a row an item, with its place, from 1; with `unpack` one row for all of them. */
  readonly statement: Statement<object>
  /** True when it changes rows: then an abort in flight leaves the outcome unknown. */
  readonly writes: boolean
  /** True of a read that no replica answers: it needs an unlogged table, or decides who may do something. @default false */
  readonly primaryOnly?: boolean
  /** Most items of one statement. */
  readonly itemsMax: number
  /** Fewest items for which a statement leaves beside another; above 1 where a statement costs much by itself. @default 1 */
  readonly itemsMin?: number
  /**
   * Whether an item is a statement's worth by itself, where `itemsMin` lets others gather: the call that begins with one leaves alone, and
   * beside another. @default never
   */
  isWhole?(item: Item): boolean
  /**
   * The item as JSON text; made before it is queued, so that its errors are its caller's. Where calls give way to each other
   * only what leaves is made JSON: it must not throw there.
   */
  encode(item: Item): string
  /** The JSON texts of a call with several items, with commas between them, where one text may stand for some of them. @default each its own */
  encodeMany?(items: readonly Item[]): string
  /** Bytes that travel with the item, as they are: all items' stand in one value, one behind the other in their order. */
  attach?(item: Item): Uint8Array
  /** What stands before so many bytes of the items, where the type of the value wants a head. */
  attachHead?(bytes: number): Uint8Array
  /** The items' rows, from the one row in which a statement answers for all. @default the statement returns them */
  unpack?(packed: object): readonly (Row & { readonly ordinal: number })[]
  /** The result of an item from its row; the row is undefined when the database returned none. */
  decode(row: Row | undefined, item: Item): Result
  /** True when applying the item twice is the same as once, so that it may be sent again after a lost connection. */
  isIdempotent(item: Item): boolean
  /**
   * What an item is about: items of one key leave in the order in which they came, whatever their durability, and never in
   * two statements at once.
   */
  orderKey?(item: Item): string
  /** Of a read that is hot: how its results are kept where a cache may answer. @default never kept */
  readonly cached?: CachedRead<Item, Result>
  /** Of a write: what it changes, as the `subject` of the reads of its store that are cached. @default nothing that is */
  changes?(item: Item): string
  /**
   * Whether a call with one item that waits gives way to a later one of the same order key. That one takes its place,
   * and settles it with its row; when it is refused, the earlier one is sent after all. Needs `orderKey`.
   */
  givesWay?(item: Item, later: Item): boolean
}

/** How a call is queued: with others of the same consistency. */
export interface SubmitOptions {
  /** @default 'durable' */
  readonly durability?: Durability
  /** Of a read; a write is always for the latest. @default 'latest' */
  readonly consistency?: ServerConsistency
  readonly signal?: AbortSignal | undefined
}

const NO_QUEUES: readonly BatchQueue[] = []

/** Sends one statement's worth of items; `idempotent` allows repeating it after a lost connection. */
export type Send = (
  operation: AnyOperation,
  tenant: string,
  items: string,
  options: {
    durability: Durability
    consistency: ServerConsistency
    idempotent: boolean
    attached: Uint8Array | undefined
    /** Statements with the same one may follow each other on one connection. */
    pipeline: object | undefined
  },
) => Promise<readonly object[]>

// biome-ignore lint/suspicious/noExplicitAny: queues of all operations stand in one map
export type AnyOperation = Operation<any, any, any>

/**
 * Gathers concurrent calls of one operation and tenant into one statement. A lone call leaves at the end of the event loop's
 * turn; while `flightsMax` statements are in flight further calls gather, and leave when one returns. No timer is involved.
 */
export class Batcher {
  /** By operation and tenant: one name of all that tells queues apart would be made, and hashed, for each call. */
  readonly #queues = new Map<string, Map<string, BatchQueue[]>>()
  readonly #meters = new Map<string, BatchMeter>()
  readonly #send: Send
  /** One object, which every queue looks at: what is changed here holds from their next statement on. */
  readonly #options: { -readonly [Name in keyof BatchOptions]: BatchOptions[Name] }
  #closed = false

  constructor(send: Send, options: BatchOptions) {
    this.#send = send
    this.#options = { ...options }
  }

  /** The limits at present. */
  get limits(): BatchOptions {
    return { ...this.#options }
  }

  /** Replaces some of the limits; what waits and what is in flight stays so. */
  limit(limits: Partial<BatchOptions>): void {
    Object.assign(this.#options, limits)
  }

  /** Queues the items as one unit. Resolves with their results in order; rejects if any of them is refused. */
  submit<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    tenant: string,
    items: readonly Item[],
    options: SubmitOptions,
  ): Promise<Result[]> {
    try {
      return this.#submit(operation, tenant, items, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #submit<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    tenant: string,
    items: readonly Item[],
    { durability = 'durable', consistency = 'latest', signal }: SubmitOptions,
  ): Promise<Result[]> {
    if (this.#closed) throw new FleetError('CLOSED', { message: 'the fleet was closed' })
    if (items.length === 0) return Promise.resolve([])
    if (items.length > operation.itemsMax) {
      throw new FleetError('INPUT_INVALID', {
        message: `${operation.name} takes at most ${operation.itemsMax} items a call, got ${items.length}`,
        field: 'items',
      })
    }
    const unit = new Unit(operation, items, durability)
    const queue = this.#queueFor(operation, tenant, durability, consistency)
    // A turn later: the queue has counted what landed, and looks for what is next, before its callers go on.
    return queue.submit(unit, signal).then(same) as Promise<Result[]>
  }

  #queueFor(
    operation: AnyOperation,
    tenant: string,
    durability: Durability,
    consistency: ServerConsistency,
  ): BatchQueue {
    // Order keys hold across durabilities, so theirs share one queue.
    const of = operation.orderKey === undefined ? durability : undefined
    for (const queue of this.#queues.get(operation.name)?.get(tenant) ?? NO_QUEUES) {
      if (queue.durability === of && queue.consistency === consistency) return queue
    }
    const meter = this.#meters.get(operation.name) ?? new BatchMeter(operation.name)
    this.#meters.set(operation.name, meter)
    const made = new BatchQueue(operation, tenant, of, consistency, this.#send, this.#options, meter, () =>
      this.#remove(made),
    )
    const byTenant = this.#queues.get(operation.name) ?? new Map<string, BatchQueue[]>()
    this.#queues.set(operation.name, byTenant)
    byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), made])
    return made
  }

  #remove(queue: BatchQueue): void {
    const byTenant = this.#queues.get(queue.operation.name)
    const left = (byTenant?.get(queue.tenant) ?? []).filter((each) => each !== queue)
    if (left.length > 0) byTenant?.set(queue.tenant, left)
    else byTenant?.delete(queue.tenant)
  }

  #all(): BatchQueue[] {
    return [...this.#queues.values()].flatMap((byTenant) => [...byTenant.values()].flat())
  }

  /** Refuses new calls, and waits until every queued one has settled. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#all().map((queue) => queue.drained()))
  }

  /**
   * Gives up what close() still waits for: calls that were not sent reject with CLOSED, those in flight that write with
   * OUTCOME_UNKNOWN. How many items there were, by operation.
   */
  abandon(): Record<string, { queued: number; inFlight: number }> {
    this.#closed = true
    const held: Record<string, { queued: number; inFlight: number }> = {}
    for (const queue of this.#all()) {
      const { queued, inFlight } = queue.abandon()
      const sum = held[queue.operation.name] ?? { queued: 0, inFlight: 0 }
      held[queue.operation.name] = { queued: sum.queued + queued, inFlight: sum.inFlight + inFlight }
    }
    return held
  }

  /** One row an operation that was called, by name. */
  metrics(): BatchMetrics[] {
    const queued = new Map<string, number>()
    for (const queue of this.#all()) {
      queued.set(queue.operation.name, (queued.get(queue.operation.name) ?? 0) + queue.length)
    }
    return [...this.#meters.values()].map((meter) => meter.read(queued.get(meter.operation) ?? 0))
  }
}

function same<T>(value: T): T {
  return value
}
