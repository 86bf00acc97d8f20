import { FleetError } from '../errors.js'
import { onAbort } from './abort-signal.js'
import { BatchMeter, type BatchMetrics } from './batch-metrics.js'
import type { BatchOptions } from './batch-options.js'
import { isConnectionLoss, isRefusal, toFleetError } from './failure.js'
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
  readonly statement: Statement<Row & { ordinal: number }>
  /** True when it changes rows: then an abort in flight leaves the outcome unknown. */
  readonly writes: boolean
  /** Most items of one statement. */
  readonly itemsMax: number
  /** Fewest items for which a statement leaves beside another; above 1 where a statement costs much by itself. @default 1 */
  readonly itemsMin?: number
  /** The item as JSON text; made before it is queued, so that its size is known and its errors are its caller's. */
  encode(item: Item): string
  /** Bytes that travel with the item, as they are: all items' stand in one value, one behind the other in their order. */
  attach?(item: Item): Uint8Array
  /** What stands before so many bytes of the items, where the type of the value wants a head. */
  attachHead?(bytes: number): Uint8Array
  /** The result of an item from its row; the row is undefined when the database returned none. */
  decode(row: Row | undefined, item: Item): Result
  /** True when applying the item twice is the same as once, so that it may be sent again after a lost connection. */
  isIdempotent(item: Item): boolean
}

/** Sends one statement's worth of items; `idempotent` allows repeating it after a lost connection. */
export type Send = (
  operation: AnyOperation,
  tenant: string,
  items: string,
  options: { durability: Durability; idempotent: boolean; attached: Uint8Array | undefined },
) => Promise<{ ordinal: number }[]>

// biome-ignore lint/suspicious/noExplicitAny: queues of all operations stand in one map
type AnyOperation = Operation<any, any, any>

/** One caller's items; they travel in one statement and settle together. */
interface Unit {
  readonly items: readonly unknown[]
  readonly encoded: readonly string[]
  readonly bytes: number
  readonly idempotent: boolean
  readonly queuedAt: number
  resolve(results: unknown[]): void
  reject(error: unknown): void
  settled: boolean
}

/**
 * Gathers concurrent calls of one operation and tenant into one statement. A lone call leaves at the end of the event loop's
 * turn; while `flightsMax` statements are in flight further calls gather, and leave when one returns. No timer is involved.
 */
export class Batcher {
  readonly #queues = new Map<string, Queue>()
  readonly #meters = new Map<string, BatchMeter>()
  readonly #send: Send
  readonly #options: BatchOptions
  #closed = false

  constructor(send: Send, options: BatchOptions) {
    this.#send = send
    this.#options = options
  }

  /** Queues the items as one unit. Resolves with their results in order; rejects if any of them is refused. */
  async submit<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    tenant: string,
    items: readonly Item[],
    options: CallOptions,
  ): Promise<Result[]> {
    if (this.#closed) throw new FleetError('CLOSED', { message: 'the fleet was closed' })
    if (items.length === 0) return []
    if (items.length > operation.itemsMax) {
      throw new FleetError('INPUT_INVALID', {
        message: `${operation.name} takes at most ${operation.itemsMax} items a call, got ${items.length}`,
        field: 'items',
      })
    }
    const encoded = items.map((item) => operation.encode(item))
    const durability = options.durability ?? 'durable'
    const key = `${operation.name}\n${tenant}\n${durability}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      const meter = this.#meters.get(operation.name) ?? new BatchMeter(operation.name)
      this.#meters.set(operation.name, meter)
      queue = new Queue(operation, tenant, durability, this.#send, this.#options, meter, () => this.#queues.delete(key))
      this.#queues.set(key, queue)
    }
    return (await queue.submit(items, encoded, options.signal)) as Result[]
  }

  /** Refuses new calls, and waits until every queued one has settled. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#queues.values()].map((queue) => queue.drained()))
  }

  /** One row an operation that was called, by name. */
  metrics(): BatchMetrics[] {
    const queued = new Map<string, number>()
    for (const queue of this.#queues.values()) {
      queued.set(queue.operation.name, (queued.get(queue.operation.name) ?? 0) + queue.length)
    }
    return [...this.#meters.values()].map((meter) => meter.read(queued.get(meter.operation) ?? 0))
  }
}

class Queue {
  readonly operation: AnyOperation
  readonly #tenant: string
  readonly #durability: Durability
  readonly #send: Send
  readonly #options: BatchOptions
  readonly #meter: BatchMeter
  readonly #onIdle: () => void
  readonly #units: Unit[] = []
  /** Calls that found no room, in their order. */
  readonly #waiting: Unit[] = []
  readonly #drained: (() => void)[] = []
  #items = 0
  #inFlight = 0
  #itemsInFlight = 0
  #scheduled = false

  constructor(
    operation: AnyOperation,
    tenant: string,
    durability: Durability,
    send: Send,
    options: BatchOptions,
    meter: BatchMeter,
    onIdle: () => void,
  ) {
    this.operation = operation
    this.#tenant = tenant
    this.#durability = durability
    this.#send = send
    this.#options = options
    this.#meter = meter
    this.#onIdle = onIdle
  }

  /** Items that wait, those in flight not counted. */
  get length(): number {
    return this.#items
  }

  async submit(
    items: readonly unknown[],
    encoded: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<unknown[]> {
    if (signal?.aborted) throw aborted(signal)
    // Behind those who wait, so that a large call is not overtaken for ever.
    const mustWait = this.#waiting.length > 0 || !this.#fits(items.length)
    if (mustWait && this.#waiting.length >= this.#options.waitersMax) {
      throw new FleetError('QUEUE_FULL', {
        message: `${this.#items} items and ${this.#waiting.length} calls wait for ${this.operation.name} already`,
      })
    }
    return new Promise((resolve, reject) => {
      const unit: Unit = {
        items,
        encoded,
        bytes: items.reduce<number>(
          (sum, item, i) =>
            sum + Buffer.byteLength(encoded[i] as string) + 1 + (this.operation.attach?.(item).byteLength ?? 0),
          0,
        ),
        idempotent: items.every((item) => this.operation.isIdempotent(item)),
        queuedAt: performance.now(),
        settled: false,
        resolve: (results) => {
          forget()
          if (!unit.settled) resolve(results)
          unit.settled = true
        },
        reject: (error) => {
          forget()
          if (!unit.settled) reject(error)
          unit.settled = true
        },
      }
      const forget = onAbort(signal, () => this.#abort(unit, signal))
      if (mustWait) this.#waiting.push(unit)
      else this.#enter(unit)
    })
  }

  #abort(unit: Unit, signal: AbortSignal | undefined): void {
    if (remove(this.#units, unit)) {
      unit.reject(aborted(signal))
      this.#release(unit.items.length)
    } else if (remove(this.#waiting, unit)) {
      unit.reject(aborted(signal))
      this.#admit()
    } else if (this.operation.writes) {
      unit.reject(
        new FleetError('OUTCOME_UNKNOWN', {
          message: `${this.operation.name} was aborted in flight; it may still be applied`,
          cause: signal?.reason,
        }),
      )
    } else {
      unit.reject(aborted(signal))
    }
    this.#settleIdle()
  }

  /** Resolves when nothing waits and nothing is in flight. */
  drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  #isIdle(): boolean {
    return this.#units.length === 0 && this.#inFlight === 0 && this.#waiting.length === 0 && !this.#scheduled
  }

  #settleIdle(): void {
    if (!this.#isIdle()) return
    this.#onIdle()
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** True when there is room; an empty queue takes any one call. */
  #fits(items: number): boolean {
    return this.#items === 0 || this.#items + items <= this.#options.queueMax
  }

  #enter(unit: Unit): void {
    this.#units.push(unit)
    this.#items += unit.items.length
    this.#schedule()
  }

  #release(items: number): void {
    this.#items -= items
    this.#admit()
  }

  /** Lets those who wait in, in their order, while there is room. */
  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.items.length); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#enter(next)
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#units.length === 0) return
    if (this.#inFlight > 0 && this.#items < (this.operation.itemsMin ?? 1)) return
    if (this.#inFlight >= this.#options.flightsMax) return
    this.#scheduled = true
    // At the end of the event loop's turn: whoever was resumed by the last flight has asked again by then.
    setImmediate(() => {
      this.#scheduled = false
      void this.#fly(this.#take())
    })
  }

  #take(): Unit[] {
    let items = 0
    let bytes = 0
    let count = 0
    // An equal share for each flight: two of half the size keep the cores of the server and of this process busy.
    const share = Math.ceil((this.#items + this.#itemsInFlight) / this.#options.flightsMax)
    const itemsMax = Math.min(this.operation.itemsMax, Math.max(share, this.operation.itemsMin ?? 1))
    for (const unit of this.#units) {
      items += unit.items.length
      bytes += unit.bytes
      if (count > 0 && (items > itemsMax || bytes > this.#options.bytesMax)) break
      count++
    }
    return this.#units.splice(0, count)
  }

  async #fly(units: Unit[]): Promise<void> {
    if (units.length === 0) return this.#settleIdle()
    const items = units.reduce((sum, unit) => sum + unit.items.length, 0)
    this.#inFlight++
    this.#itemsInFlight += items
    this.#release(items)
    this.#schedule()
    const startedAt = performance.now()
    await this.#flush(units)
    this.#meter.record(units, startedAt, performance.now())
    this.#inFlight--
    this.#itemsInFlight -= items
    this.#schedule()
    this.#settleIdle()
  }

  /** Sends the units as one statement; never rejects. When the database refuses it, halves find the one at fault. */
  async #flush(units: readonly Unit[]): Promise<void> {
    const idempotent = units.every((unit) => unit.idempotent)
    let rows: { ordinal: number }[]
    try {
      rows = await this.#send(this.operation, this.#tenant, `[${units.map((unit) => unit.encoded.join()).join()}]`, {
        durability: this.#durability,
        idempotent,
        attached: attached(
          this.operation,
          units.flatMap((unit) => unit.items),
        ),
      })
    } catch (error) {
      if (units.length > 1 && isRefusal(error)) {
        this.#meter.splits++
        const half = units.length >> 1
        await this.#flush(units.slice(0, half))
        await this.#flush(units.slice(half))
      } else if (
        !idempotent &&
        this.operation.writes &&
        units.some((unit) => unit.idempotent) &&
        isConnectionLoss(error)
      ) {
        for (const unit of units) if (!unit.idempotent) this.#fail(unit, error)
        await this.#flush(units.filter((unit) => unit.idempotent))
      } else {
        for (const unit of units) this.#fail(unit, error)
      }
      return
    }
    const byOrdinal: unknown[] = []
    for (const row of rows) byOrdinal[row.ordinal - 1] = row
    let first = 0
    for (const unit of units) {
      const start = first
      first += unit.items.length
      try {
        unit.resolve(unit.items.map((item, i) => this.operation.decode(byOrdinal[start + i], item)))
      } catch (error) {
        unit.reject(error)
      }
    }
  }

  #fail(unit: Unit, error: unknown): void {
    this.#meter.failures++
    unit.reject(toFleetError(error, this.operation.writes))
  }
}

/** The bytes that travel with the items, where the operation has any. */
export function attached(operation: AnyOperation, items: readonly unknown[]): Uint8Array | undefined {
  if (operation.attach === undefined) return undefined
  const parts = items.map((item) => operation.attach?.(item) as Uint8Array)
  const head = operation.attachHead?.(parts.reduce((sum, part) => sum + part.byteLength, 0))
  return parts.length === 1 && head === undefined
    ? parts[0]
    : Buffer.concat(head === undefined ? parts : [head, ...parts])
}

/** Takes a unit out of a list; false when it is not in it. */
function remove(units: Unit[], unit: Unit): boolean {
  const place = units.indexOf(unit)
  if (place >= 0) units.splice(place, 1)
  return place >= 0
}

function aborted(signal: AbortSignal | undefined): FleetError {
  return new FleetError('ABORTED', { message: 'the call was aborted before it took effect', cause: signal?.reason })
}
