/** One caller's items; they travel in one statement and settle together. */
export interface Unit {
  readonly items: readonly unknown[]
  readonly encoded: readonly string[]
  readonly bytes: number
  readonly idempotent: boolean
  readonly queuedAt: number
  /** What its items are about, where that orders them. */
  readonly orderKeys: readonly string[]
  readonly coalesceKey: string | undefined
  /** Calls of one coalesce key, in their order: the last one is sent, and settles those before it. */
  line: Unit[] | undefined
  resolve(results: unknown[]): void
  reject(error: unknown): void
  settled: boolean
}

/** How many items the units have. */
export function sizeOf(units: readonly Unit[]): number {
  return units.reduce((sum, unit) => sum + unit.items.length, 0)
}

/** Takes a unit out of a list; false when it is not in it. */
export function removeUnit(units: Unit[], unit: Unit): boolean {
  const place = units.indexOf(unit)
  if (place >= 0) units.splice(place, 1)
  return place >= 0
}
