import type { WalPosition } from './wal-position.js'

/** Moments that are remembered; when they are more, every second one is forgotten. */
const SAMPLES_MAX = 1000

/**
 * Where the primary's log ended, and when: what tells how old a replica's rows are, whatever the clocks of the servers say
 * and whether or not anything is written. Times by performance.now().
 */
export class PrimaryHistory {
  #samples: { at: number; position: WalPosition }[] = []

  /** Where the log ended when it was looked at last. */
  get position(): WalPosition | undefined {
    return this.#samples.at(-1)?.position
  }

  /** @param at a moment at which the log had not ended later: that of the question, not of the answer */
  add(at: number, position: WalPosition): void {
    const last = this.#samples.at(-1)
    // Another primary took over, at an earlier place: what was known of the old one tells nothing.
    if (last !== undefined && position < last.position) this.#samples = []
    this.#samples.push({ at, position })
    if (this.#samples.length > SAMPLES_MAX) this.#samples = this.#samples.filter((_, i) => i % 2 === 1)
  }

  /**
   * How old the rows of a replica may be that has come so far, in milliseconds: all that the primary had so long ago is
   * there. 0 when all that is known of the primary is there, also while nothing new is heard of it.
   */
  lagMs(replayed: WalPosition, now: number): number {
    const behind = this.#samples.findIndex(({ position }) => position > replayed)
    if (behind < 0) return 0
    return now - (this.#samples[behind - 1]?.at ?? Number.NEGATIVE_INFINITY)
  }
}
