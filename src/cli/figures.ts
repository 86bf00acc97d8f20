/** A whole number in groups of three. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A number with so many digits behind the point; "-" for none. */
export function decimal(value: number | null | undefined, digits = 2): string {
  return value == null ? '-' : value.toFixed(digits)
}

export function percent(share: number | null | undefined, digits = 0): string {
  return share == null ? '-' : `${(share * 100).toFixed(digits)} %`
}

/** Bytes in the largest unit that leaves a whole part; 1 kB is 1024 bytes, as PostgreSQL counts. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let size = value
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

export function seconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`
}

/** A time in UTC, to the minute. */
export function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`
}
