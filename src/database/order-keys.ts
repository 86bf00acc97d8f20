import type { Unit } from './batch-unit.js'

/** What is known of something that calls are about, while one of them waits or is in flight. */
export interface OrderKey {
  readonly name: string
  /** This one alone, for the calls that are about nothing else. */
  readonly alone: readonly OrderKey[]
  /** The last call about it of those that wait. */
  last: Unit | undefined
  /** Whether one about it is in flight. */
  isFlying: boolean
  /** The last look for what leaves next in which one about it had to stay. */
  block: number
}

/** Below this many names nothing is gained by forgetting some. */
const KEPT = 1024

/**
 * The order keys of a queue. They are kept beyond the calls about them: with a map from which each call takes its name
 * away again, half of what a hot key costs goes to the growing and shrinking of the map, and to the garbage collector.
 */
export class OrderKeys {
  #byName = new Map<string, OrderKey>()
  #namesMax = KEPT
  #blocks = 0

  of(name: string): OrderKey {
    let key = this.#byName.get(name)
    if (key === undefined) {
      const alone: OrderKey[] = []
      key = { name, alone, last: undefined, isFlying: false, block: 0 }
      alone.push(key)
      this.#byName.set(name, key)
    }
    return key
  }

  /** The number of a look for what leaves next. */
  newBlock(): number {
    this.#blocks++
    return this.#blocks
  }

  /** Whether it is time to forget those that nothing is about. */
  get areMany(): boolean {
    return this.#byName.size > this.#namesMax
  }

  /** Forgets all but those of these units: all that wait or are in flight. */
  keep(units: readonly Unit[]): void {
    this.#byName = new Map(units.flatMap(({ orderKeys }) => orderKeys.map((key) => [key.name, key])))
    // As many again and more have to come before the next time, so that the work a call is bounded.
    this.#namesMax = Math.max(KEPT, 4 * this.#byName.size)
  }
}
