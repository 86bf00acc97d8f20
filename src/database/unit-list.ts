import type { Unit } from './batch-unit.js'

/**
 * Units in an order, of which any can leave. A list that is linked through them: a Set that grows and shrinks with each
 * flight leaves its former tables to the garbage collector, which takes what they held for alive.
 */
export class UnitList {
  #first: Unit | undefined
  #last: Unit | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  append(unit: Unit): void {
    unit.previous = this.#last
    if (this.#last === undefined) this.#first = unit
    else this.#last.next = unit
    this.#last = unit
    unit.isListed = true
    this.#size++
  }

  /** Takes out one that is in it. */
  remove(unit: Unit): void {
    const { previous, next } = unit
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    unit.previous = undefined
    unit.next = undefined
    unit.isListed = false
    this.#size--
  }

  /** Puts another in the place of one that is in it. */
  replace(unit: Unit, other: Unit): void {
    const { previous, next } = unit
    other.previous = previous
    other.next = next
    if (previous === undefined) this.#first = other
    else previous.next = other
    if (next === undefined) this.#last = other
    else next.previous = other
    unit.previous = undefined
    unit.next = undefined
    unit.isListed = false
    other.isListed = true
  }

  /** In order; what is gone over must not be taken out meanwhile. */
  *[Symbol.iterator](): IterableIterator<Unit> {
    for (let unit = this.#first; unit !== undefined; unit = unit.next) yield unit
  }
}
