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

/** A whole number in groups of three. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A count with its noun: `1 row`, `2 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${Math.round(value) === 1 ? '' : 's'}`
}

/** A share of 1 in per cent. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** Seconds in the two largest units: `3 d 4 h`, `5 min`, `12 s`. */
export function duration(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const
  const whole = Math.max(0, Math.round(seconds))
  const first = units.findIndex(([, size]) => whole >= size)
  if (first < 0) return `${Math.max(0, seconds).toFixed(1)} s`
  let left = whole
  return units
    .slice(first, first + 2)
    .flatMap(([name, size]) => {
      const amount = Math.floor(left / size)
      left -= amount * size
      return amount === 0 ? [] : [`${amount} ${name}`]
    })
    .join(' ')
}
