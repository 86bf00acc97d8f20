/** Batches that end in time before the size grows again. */
const SUCCESSES = 8

/** How many rows a batch takes: half as many after each time-out, and by and by as many as before. */
export class BatchSize {
  readonly #most: number
  #rows: number
  #successes = 0

  /** @param most rows of a batch, 1 or more; where it begins */
  constructor(most: number) {
    this.#most = most
    this.#rows = most
  }

  get rows(): number {
    return this.#rows
  }

  /** A batch took too long; false when it had a single row, and a smaller one is not to be had. */
  shrink(): boolean {
    this.#successes = 0
    if (this.#rows === 1) return false
    this.#rows = Math.max(1, Math.floor(this.#rows / 2))
    return true
  }

  /** A batch ended in time. */
  grow(): void {
    this.#successes += 1
    if (this.#successes < SUCCESSES) return
    this.#successes = 0
    this.#rows = Math.min(this.#most, this.#rows * 2)
  }
}
