import { onAbort } from './abort-signal.js'
import type { AnyOperation, Durability } from './batch.js'
import type { OrderKey } from './order-keys.js'

const NO_KEYS: readonly OrderKey[] = []

/** One caller's items; they travel in one statement and settle together. */
export class Unit {
  readonly items: readonly unknown[]
  readonly idempotent: boolean
  readonly durability: Durability
  readonly queuedAt = performance.now()
  /** What its items are about, where that orders them; set when it is about to be listed. */
  orderKeys = NO_KEYS
  /** Calls of which each gave way to the next, in their order: the last one is sent, and settles those before it. */
  line: Unit[] | undefined
  /** Whether it is in the list of what is sent next, and its neighbours there. */
  isListed = false
  previous: Unit | undefined
  next: Unit | undefined
  settled = false
  readonly promise: Promise<unknown[]>
  readonly #operation: AnyOperation
  #encoded: string | undefined
  #bytes = 0
  #fulfil!: (results: unknown[]) => void
  #refuse!: (error: unknown) => void
  #forget: (() => void) | undefined

  constructor(operation: AnyOperation, items: readonly unknown[], durability: Durability) {
    this.items = items
    this.durability = durability
    this.#operation = operation
    let idempotent = true
    for (const item of items) idempotent &&= operation.isIdempotent(item)
    this.idempotent = idempotent
    // What may give way is made JSON when it leaves, as half of it never does.
    if (operation.givesWay === undefined) this.#encode()
    this.promise = new Promise((resolve, reject) => {
      this.#fulfil = resolve
      this.#refuse = reject
    })
  }

  /** The items' JSON texts, with commas between them. */
  get encoded(): string {
    return this.#encoded ?? this.#encode()
  }

  /** What it takes of a statement, with what travels beside the JSON. */
  get bytes(): number {
    if (this.#encoded === undefined) this.#encode()
    return this.#bytes
  }

  #encode(): string {
    const { items } = this
    const operation = this.#operation
    const encoded = items.length === 1 ? operation.encode(items[0]) : items.map((item) => operation.encode(item)).join()
    this.#encoded = encoded
    this.#bytes = Buffer.byteLength(encoded) + 1
    if (operation.attach !== undefined) for (const item of items) this.#bytes += operation.attach(item).byteLength
    return encoded
  }

  /** Calls back when the signal fires before the unit has settled. */
  abortOn(signal: AbortSignal | undefined, callback: () => void): void {
    if (signal !== undefined) this.#forget = onAbort(signal, callback)
  }

  resolve(results: unknown[]): void {
    if (this.#settle()) this.#fulfil(results)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#refuse(error)
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.#forget?.()
    return true
  }
}

/** How many items the units have. */
export function sizeOf(units: readonly Unit[]): number {
  return units.reduce((sum, unit) => sum + unit.items.length, 0)
}

/** Takes a unit out of a list; false when it is not in it. */
export function removeUnit(units: Unit[], unit: Unit): boolean {
  const place = units.indexOf(unit)
  if (place >= 0) units.splice(place, 1)
  return place >= 0
}
