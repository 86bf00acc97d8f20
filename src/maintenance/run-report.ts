import type { FleetError } from '../errors.js'

/** Something that a run did to one thing, or with a dry run would do. */
export interface RunItem {
  /** What was done to it: `created`, `dropped`, `kept`, `analysed`, `set`, `rebuilt`, `failed`. */
  readonly action: string
  /** The table, partition, index or tenant. */
  readonly object: string
  readonly bytes?: number
  /** Why, or what came of it. */
  readonly note?: string
  /** The statement that takes it back, where there is one. */
  readonly undo?: string
  /** The code of the error, of what failed. */
  readonly code?: string
}

/** What a run did. */
export interface Done {
  /** How much, by what is counted: `{"q_values": 1200}`. With a dry run: of the first batch of each tenant. */
  readonly counts: Readonly<Record<string, number>>
  /** The first 200 things one by one. */
  readonly items: readonly RunItem[]
  /** Things that could not be done; the first are among the items. */
  readonly failures: number
  /** True when its time ran out before its work did: the next run goes on from there. */
  readonly more: boolean
  /** Why it was skipped. */
  readonly skipped?: string
}

/** Items of a run that are kept, at most. */
const ITEMS_MAX = 200

/** Gathers what a run does. */
export class RunReport {
  readonly #counts: Record<string, number> = {}
  readonly #items: RunItem[] = []
  #failures = 0
  #more = false
  #skipped: string | undefined
  #first: FleetError | undefined

  /** Adds to counts; those of nothing are left out. */
  count(counts: Readonly<Record<string, number>>): void {
    for (const [name, number] of Object.entries(counts)) {
      if (number > 0) this.#counts[name] = (this.#counts[name] ?? 0) + number
    }
  }

  item(item: RunItem): void {
    this.count({ [item.action]: 1 })
    if (this.#items.length < ITEMS_MAX) this.#items.push(item)
  }

  /** One thing could not be done; the run goes on, and ends as failed. */
  fail(object: string, error: FleetError): void {
    this.#failures += 1
    this.#first ??= error
    if (this.#items.length < ITEMS_MAX) {
      this.#items.push({ action: 'failed', object, code: error.code, note: error.message })
    }
  }

  leaveSome(): void {
    this.#more = true
  }

  /** It does not apply here. */
  skip(reason: string): void {
    this.#skipped = reason
  }

  get isSkipped(): boolean {
    return this.#skipped !== undefined
  }

  /** The first error, when something could not be done. */
  get failure(): FleetError | undefined {
    return this.#first
  }

  get done(): Done {
    return {
      counts: { ...this.#counts },
      items: [...this.#items],
      failures: this.#failures,
      more: this.#more,
      ...(this.#skipped === undefined ? {} : { skipped: this.#skipped }),
    }
  }
}
