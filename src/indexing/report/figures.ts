/** How many times cheaper: `4.2×`, `310×`. */
export function factor(times: number): string {
  if (!Number.isFinite(times)) return '∞'
  return `${times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString('en-US')}×`
}

/** Seconds as days: `6.5 days`. */
export function days(seconds: number): string {
  return `${(seconds / 86_400).toFixed(1)} days`
}
