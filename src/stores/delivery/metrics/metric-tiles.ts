/** A part of a range that whole rollups of one resolution cover; an end that is left out is open. */
export interface Tile {
  readonly resolution: 'minute' | 'hour' | 'day'
  readonly low: Date | undefined
  readonly high: Date | undefined
}

/** How long a bucket of each resolution is, in milliseconds; the longest first. */
export const LENGTHS = { day: 86_400_000, hour: 3_600_000, minute: 60_000 } as const
const RESOLUTIONS = ['day', 'hour', 'minute'] as const

/**
 * The fewest rollups that cover a range exactly: minutes and hours at its ends, days between. The range is widened to whole
 * minutes.
 */
export function tilesOf(from?: Date, to?: Date): Tile[] {
  const low = from === undefined ? Number.NEGATIVE_INFINITY : Math.floor(from.getTime() / 60_000) * 60_000
  const high = to === undefined ? Number.POSITIVE_INFINITY : Math.ceil(to.getTime() / 60_000) * 60_000
  return split(low, high, 0)
}

function split(low: number, high: number, level: number): Tile[] {
  if (low >= high) return []
  const resolution = RESOLUTIONS[level] ?? 'minute'
  const length = LENGTHS[resolution]
  const [first, last] = [Math.ceil(low / length) * length, Math.floor(high / length) * length]
  if (first >= last) return split(low, high, level + 1)
  return [
    ...split(low, first, level + 1),
    { resolution, low: dateOf(first), high: dateOf(last) },
    ...split(last, high, level + 1),
  ]
}

const dateOf = (time: number) => (Number.isFinite(time) ? new Date(time) : undefined)
