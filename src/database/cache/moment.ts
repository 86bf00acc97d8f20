/** A moment by two clocks, in milliseconds. */
export interface Moment {
  /** Never put back, but may stand still while the machine sleeps. */
  readonly steadyMs: number
  /** Goes on while the machine sleeps, but may be put forth and back. */
  readonly wallMs: number
}

/** The clocks of this machine. */
export function systemClock(): Moment {
  return { steadyMs: performance.now(), wallMs: Date.now() }
}
