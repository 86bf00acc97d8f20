const LEVELS = '▁▂▃▄▅▆▇█'

/** Values as a line of text, a character each, between their least and their greatest; a space where nothing is known. */
export function sparkline(values: readonly (number | null)[]): string {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value))
  const low = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const levelOf = (value: number) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? '?' : value > 0 ? '█' : '▁'
    // A flat line is neither high nor low, unless it is zero.
    if (high === low) return value === 0 ? '▁' : '▄'
    return LEVELS[Math.round(((value - low) / (high - low)) * (LEVELS.length - 1))]
  }
  return values.map((value) => (value === null ? ' ' : levelOf(value))).join('')
}
