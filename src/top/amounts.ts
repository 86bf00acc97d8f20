/** A number in at most five characters: `0.25`, `12`, `3.4k`, `120M`; `-` for none. */
export function short(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1000) return String(value)
  if (size < 0.005) return '0.00'
  if (size < 0.995) return value.toFixed(2)
  if (size < 9.95) return value.toFixed(1)
  if (size < 999.5) return value.toFixed(0)
  const units = ['k', 'M', 'G', 'T', 'P', 'E']
  let scaled = value / 1000
  let unit = 0
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return `${Math.abs(scaled) < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0)}${units[unit]}`
}

/** Bytes in at most six characters; 1 kB is 1024 bytes: `900 B`, `3.4 MB`; `-` for none. */
export function shortBytes(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '-'
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let scaled = Math.max(0, value)
  let unit = 0
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1024
    unit++
  }
  return `${unit === 0 || scaled >= 9.95 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit]}`
}

/** Seconds in at most six characters: `80µs`, `12ms`, `3.4s`, `5m12s`, `3h05m`, `12d4h`; `-` for none. */
export function shortTime(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return '-'
  const size = Math.max(0, seconds)
  if (size < 0.0009995) return `${Math.round(size * 1e6)}µs`
  if (size < 0.0995) return `${(size * 1000).toFixed(size < 0.00995 ? 1 : 0)}ms`
  if (size < 9.95) return `${size.toFixed(1)}s`
  if (size < 59.5) return `${Math.round(size)}s`
  const minutes = Math.floor(size / 60)
  if (minutes < 60) return `${minutes}m${pad(size % 60)}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h${pad(minutes % 60)}m`
  const days = Math.floor(hours / 24)
  return days < 100 ? `${days}d${hours % 24}h` : `${days}d`
}

/** Milliseconds, as `shortTime` does. */
export function shortMs(milliseconds: number | null | undefined): string {
  return shortTime(milliseconds == null ? null : milliseconds / 1000)
}

/** A share of 1 in per cent, without the sign: `0.4`, `12`, `100`; `-` for none. */
export function shortShare(share: number | null | undefined): string {
  if (share == null || !Number.isFinite(share)) return '-'
  const percent = share * 100
  return percent > 0 && percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)
}

/** The numbers as a line of blocks, the largest as the tallest; what is missing is a gap. Zero is the lowest block. */
export function sparkline(values: readonly (number | null)[]): string {
  const blocks = '▁▂▃▄▅▆▇█'
  const largest = Math.max(0, ...values.map((value) => value ?? 0))
  return values
    .map((value) => {
      if (value === null) return ' '
      return blocks[largest === 0 ? 0 : Math.min(7, Math.round((Math.max(0, value) / largest) * 7))]
    })
    .join('')
}

const pad = (value: number) => String(Math.floor(value)).padStart(2, '0')
