/** Subjects of one call or transaction beyond which whole stores are dropped instead. */
const SUBJECTS_MAX = 10_000

/** What writes of one tenant have changed of what may be cached. */
export class Changes {
  readonly subjects = new Map<string, Set<string>>()
  /** Stores of which anything may have changed. */
  readonly stores = new Set<string>()
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0 && this.stores.size === 0
  }

  add(store: string, subject: string): void {
    if (this.stores.has(store)) return
    const subjects = this.subjects.get(store)
    if (++this.#count > SUBJECTS_MAX) this.addAll(store)
    else if (subjects === undefined) this.subjects.set(store, new Set([subject]))
    else subjects.add(subject)
  }

  addAll(store: string): void {
    this.stores.add(store)
    this.subjects.delete(store)
  }
}
