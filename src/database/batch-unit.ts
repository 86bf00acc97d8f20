import { onAbort } from './abort-signal.js'
import type { AnyOperation, Durability } from './batch.js'
import { encodeItems } from './encoding.js'
import type { OrderKey } from './order-keys.js'

const NO_KEYS: readonly OrderKey[] = []

/**
 * One caller's items; they travel in one statement and settle together. Of a lone item nothing is kept beside the unit: what lives
 * for a statement's time in arrays and object literals is soon made where only the garbage collector's long rounds look.
 */
export class Unit {
  /** How many items it has. */
  readonly size: number
  readonly idempotent: boolean
  readonly durability: Durability
  readonly queuedAt = performance.now()
  /** What its items are about, where that orders them; set when it is about to be listed. */
  orderKeys = NO_KEYS
  /** The call that gave way to this one, and that to which this one gave way: the last of a line is sent, and settles the others. */
  forerunner: Unit | undefined
  heir: Unit | undefined
  /** How many calls it settles: itself, and those that gave way to each other before it. */
  gathered = 1
  /** How often others left before it, or before what gave way to it, because more calls had gathered there. */
  passes = 0
  /** Whether it is in the list of what is sent next, and its neighbours there. */
  isListed = false
  previous: Unit | undefined
  next: Unit | undefined
  settled = false
  readonly promise: Promise<unknown[]>
  readonly #operation: AnyOperation
  /** The first item, and all of them where there are more. */
  readonly #item: unknown
  readonly #items: readonly unknown[] | undefined
  #encoded: string | undefined
  #bytes = 0
  #fulfil!: (results: unknown[]) => void
  #refuse!: (error: unknown) => void
  #forget: (() => void) | undefined

  constructor(operation: AnyOperation, items: readonly unknown[], durability: Durability) {
    this.size = items.length
    this.#item = items[0]
    this.#items = items.length === 1 ? undefined : items
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

  get items(): readonly unknown[] {
    return this.#items ?? [this.#item]
  }

  /** The first item. */
  get item(): unknown {
    return this.#item
  }

  /** Those that gave way to each other until one gave way to it, the earliest first; then itself. */
  get line(): Unit[] {
    const line: Unit[] = []
    for (let unit: Unit | undefined = this; unit !== undefined; unit = unit.forerunner) line.push(unit)
    return line.reverse()
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
    const operation = this.#operation
    const encoded = this.#items === undefined ? operation.encode(this.#item) : encodeItems(operation, this.#items)
    this.#encoded = encoded
    this.#bytes = Buffer.byteLength(encoded) + 1
    if (operation.attach !== undefined) for (const item of this.items) this.#bytes += operation.attach(item).byteLength
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
  return units.reduce((sum, unit) => sum + unit.size, 0)
}

/** Takes a unit out of a list; false when it is not in it. */
export function removeUnit(units: Unit[], unit: Unit): boolean {
  const place = units.indexOf(unit)
  if (place >= 0) units.splice(place, 1)
  return place >= 0
}
