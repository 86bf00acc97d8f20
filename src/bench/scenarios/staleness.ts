/** Versions of a key that are remembered; what is staler than the oldest of them counts as that. */
const VERSIONS_MAX = 1000

/** How old what readers see is: against the moments in which writes had settled, whoever made them. */
export class Staleness {
  readonly #settledAt = new Map<string, { version: number; at: number }[]>()
  #maxMs = 0
  #reads = 0
  #stale = 0

  /** The write of that version has settled now. */
  settled(key: string, version: number): void {
    const all = this.#settledAt.get(key)
    const entry = { version, at: performance.now() }
    if (all === undefined) this.#settledAt.set(key, [entry])
    else {
      all.push(entry)
      if (all.length > VERSIONS_MAX) all.shift()
    }
  }

  /** A read that was called at that moment saw that version. */
  seen(key: string, version: number, calledAt: number): void {
    this.#reads++
    const all = this.#settledAt.get(key)
    const last = all?.at(-1)
    if (all === undefined || last === undefined || last.version <= version) return
    const next = all.find((write) => write.version > version)
    if (next === undefined || next.at >= calledAt) return
    this.#stale++
    this.#maxMs = Math.max(this.#maxMs, calledAt - next.at)
  }

  /** The share of reads that missed a write, and by how much the worst did; counted anew from now on. */
  take(): { staleShare: number; stalenessMaxMs: number } {
    const taken = { staleShare: this.#stale / Math.max(1, this.#reads), stalenessMaxMs: this.#maxMs }
    this.#reads = 0
    this.#stale = 0
    this.#maxMs = 0
    return taken
  }
}
