import type { Durability } from '../batch.js'
import type { WalPosition } from './wal-position.js'

/**
 * The place in the log behind which all writes of this fleet lie that were acknowledged. It is looked up when somebody
 * asks and something was written since: once for all writes since then, and for all who ask meanwhile.
 */
export class WritePosition {
  readonly #look: (durability: Durability) => Promise<WalPosition>
  /** Writes that were acknowledged. */
  #writes = 0
  /** Those that the position lies behind. */
  #covered = 0
  /** The last one that was acknowledged before it was on disk. */
  #lastAsync = 0
  #position: WalPosition = 0n
  #looking: { writes: number; answer: Promise<WalPosition> } | undefined

  /** @param look where the primary's log ends; with `async`, also what of it is not on disk yet */
  constructor(look: (durability: Durability) => Promise<WalPosition>) {
    this.#look = look
  }

  /** To be told of every commit, before its caller is. */
  wrote(durability: Durability): void {
    this.#writes++
    if (durability === 'async') this.#lastAsync = this.#writes
  }

  /** A place behind every write that was acknowledged before this call. Rejects when the primary does not tell. */
  async position(): Promise<WalPosition> {
    if (this.#covered === this.#writes) return this.#position
    // What was asked before a write was acknowledged may be an answer from before it.
    if (this.#looking?.writes !== this.#writes) {
      const looking = { writes: this.#writes, answer: this.#lookNow(this.#writes) }
      this.#looking = looking
      const done = () => {
        if (this.#looking === looking) this.#looking = undefined
      }
      looking.answer.then(done, done)
    }
    return await this.#looking.answer
  }

  async #lookNow(writes: number): Promise<WalPosition> {
    const position = await this.#look(this.#lastAsync > this.#covered ? 'async' : 'durable')
    if (position > this.#position) this.#position = position
    if (writes > this.#covered) this.#covered = writes
    return this.#position
  }
}
