/**
 * When things that happen once a tick are due: at whole ticks from a beginning, whatever the time that each takes, so that
 * delays do not add up. Ticks are numbered; each is taken once at most, and those that were missed are left out.
 */
export class TickSchedule {
  readonly #now: () => number
  #tickMs: number
  #beginning: number
  #taken = -1

  /** @param now a clock in milliseconds that nobody sets: performance.now */
  constructor(tickMs: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.#tickMs = tickMs
    this.#beginning = now()
  }

  get tickMs(): number {
    return this.#tickMs
  }

  /** Another length begins a new count, a tick after the last. */
  set tickMs(tickMs: number) {
    if (tickMs === this.#tickMs) return
    this.#tickMs = tickMs
    this.restart()
  }

  /** Counts from now on: the first tick is due at once. */
  restart(): void {
    this.#beginning = this.#now()
    this.#taken = -1
  }

  /** Milliseconds until the tick that comes so many after the last one taken; 0 when it is due. */
  waitMs(steps = 1): number {
    return Math.max(0, this.#beginning + (this.#taken + steps) * this.#tickMs - this.#now())
  }

  /**
   * Takes the tick that comes so many after the last, and with it all that are due by now; how late it is, in milliseconds.
   */
  take(steps = 1): number {
    const due = this.#taken + steps
    const elapsed = this.#now() - this.#beginning
    this.#taken = Math.max(due, Math.floor(elapsed / this.#tickMs))
    return Math.max(0, elapsed - due * this.#tickMs)
  }
}
