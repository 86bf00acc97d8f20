import type { Unit } from './batch-unit.js'

/** Units in an order, of which any can leave: a LinkedList through the units themselves, where one can take another's place. */
export class UnitList {
  #first: Unit | undefined
  #last: Unit | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): Unit | undefined {
    return this.#first
  }

  append(unit: Unit): void {
    this.#link(this.#last, unit)
    this.#link(unit, undefined)
    unit.isListed = true
    this.#size++
  }

  /** Takes out one that is in it. */
  remove(unit: Unit): void {
    const { previous, next } = unit
    this.#link(previous, next)
    this.#release(unit)
    this.#size--
  }

  /** Puts another in the place of one that is in it. */
  replace(unit: Unit, other: Unit): void {
    const { previous, next } = unit
    this.#link(previous, other)
    this.#link(other, next)
    this.#release(unit)
    other.isListed = true
  }

  /** Makes two neighbours; undefined is what is before the first, and behind the last. */
  #link(previous: Unit | undefined, next: Unit | undefined): void {
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
  }

  /** Nothing of the list is held by what has left it. */
  #release(unit: Unit): void {
    unit.previous = undefined
    unit.next = undefined
    unit.isListed = false
  }

  /** In order; what is gone over must not be taken out meanwhile. */
  *[Symbol.iterator](): IterableIterator<Unit> {
    for (let unit = this.#first; unit !== undefined; unit = unit.next) yield unit
  }
}
