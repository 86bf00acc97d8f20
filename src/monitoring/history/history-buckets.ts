/** What a series was in a part of a time. */
export interface HistoryBucket {
  readonly from: Date
  readonly to: Date
  /** Snapshots that had a value; of 0 nothing is known. */
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  /** The mean of the snapshots' values. */
  readonly avg: number | null
  readonly last: number | null
}

/** Splits a time into so many parts of one length. A value belongs to the part that its time is in. */
export function bucketsOf(
  times: readonly Date[],
  values: readonly (number | null)[],
  range: { readonly from: Date; readonly to: Date },
  parts: number,
): HistoryBucket[] {
  const start = range.from.getTime()
  const width = Math.max(1, range.to.getTime() - start) / parts
  const held: number[][] = Array.from({ length: parts }, () => [])
  times.forEach((at, i) => {
    const value = values[i]
    const part = Math.min(parts - 1, Math.floor((at.getTime() - start) / width))
    if (value != null && part >= 0) held[part]?.push(value)
  })
  return held.map((there, part) => {
    const numbers = there.filter((value) => !Number.isNaN(value))
    const isKnown = numbers.length > 0
    return {
      from: new Date(start + part * width),
      to: new Date(start + (part + 1) * width),
      count: there.length,
      min: isKnown ? numbers.reduce((a, b) => Math.min(a, b)) : null,
      max: isKnown ? numbers.reduce((a, b) => Math.max(a, b)) : null,
      avg: isKnown ? numbers.reduce((a, b) => a + b / numbers.length, 0) : null,
      last: there.at(-1) ?? null,
    }
  })
}
