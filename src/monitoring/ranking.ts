import type { MetricGroup } from './metrics/family.js'
import type { Row } from './sources/source.js'

/** What series that are not told are called together. */
export const OTHER = 'other'

/**
 * Tells the series that matter most and the rest as one. The rest is made of other members from time to time, so its counters
 * are what it grew by from look to look, and never fall when a member is told on its own from now on.
 */
export class Ranking {
  readonly #isFromStart: boolean
  #before: { readonly total: Row; readonly members: ReadonlyMap<string, Row> } | undefined
  readonly #others = new Map<string, number>()

  /** `isFromStart`: the rest's counters begin with what its members have counted already, not with 0. */
  constructor(isFromStart: boolean) {
    this.#isFromStart = isFromStart
  }

  /** The keys that were told last; the statement has to return them too, so that they can be taken out of the rest. */
  get keys(): readonly string[] {
    return [...(this.#before?.members.keys() ?? [])]
  }

  /** The rows that were told last on their own. */
  get members(): Iterable<Row> {
    return this.#before?.members.values() ?? []
  }

  /** The rows to tell, the rest among them when there is one. */
  apply(groups: readonly MetricGroup[], rows: readonly Row[], top: number): Row[] {
    const total = rows.find(({ key }) => key === null) ?? {}
    const found = new Map(rows.filter(({ key }) => key !== null).map((row) => [String(row.key), row]))
    const members = new Map(
      rows.filter((row) => row.key !== null && row.is_top === true).map((row) => [String(row.key), row]),
    )
    const rest: Record<string, unknown> = {}
    for (const group of groups) {
      for (const [column, { type, labels }] of Object.entries(group)) {
        for (const label of labels) rest[label] = total[label] ?? OTHER
        if (total[column] === null || total[column] === undefined) continue
        rest[column] =
          type === 'gauge' ? this.#left(column, total, members) : this.#grown(column, total, members, found)
      }
    }
    this.#before = { total, members }
    const isComplete = members.size < top && [...this.#others.values()].every((value) => value === 0)
    return isComplete ? [...members.values()] : [...members.values(), rest]
  }

  #left(column: string, total: Row, members: ReadonlyMap<string, Row>): number {
    return Math.max(0, number(total[column]) - sum(column, members.values()))
  }

  #grown(column: string, total: Row, members: ReadonlyMap<string, Row>, found: ReadonlyMap<string, Row>): number {
    const before = this.#before
    if (before === undefined) {
      this.#others.set(column, this.#isFromStart ? this.#left(column, total, members) : 0)
    } else {
      let grown = number(total[column]) - number(before.total[column])
      // A member that is gone took its count out of the total: it counts as 0 now.
      for (const [key, row] of before.members) grown -= number(found.get(key)?.[column]) - number(row[column])
      // Less than nothing: one of the rest is gone, or statistics were reset.
      this.#others.set(column, (this.#others.get(column) ?? 0) + Math.max(0, grown))
    }
    return this.#others.get(column) ?? 0
  }
}

const number = (value: unknown) => Number(value ?? 0)

function sum(column: string, rows: Iterable<Row>): number {
  let total = 0
  for (const row of rows) total += number(row[column])
  return total
}
