import { InvalidArgumentError } from 'commander'

/** Parses a length of time in whole units, `90s`, `15m`, `26h`, `30d`, as milliseconds. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (amount === undefined || Number(amount) === 0)
    throw new InvalidArgumentError('A length of time like 90s, 15m, 26h or 30d is expected.')
  return Number(amount) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[unit as 's' | 'm' | 'h' | 'd']
}

/** A length of time as `duration` takes it, in the largest unit that leaves no remainder: `90s`, `5m`, `7d`. */
export function asDuration(milliseconds: number): string {
  const units = [
    ['d', 864e5],
    ['h', 36e5],
    ['m', 6e4],
  ] as const
  const [unit, size] = units.find(([, each]) => milliseconds % each === 0) ?? ['s', 1e3]
  return `${milliseconds / size}${unit}`
}

/** A length of time in words: `45 s`, `12 min`, `26 h`, `30 d`. */
export function inWords(milliseconds: number): string {
  const units = [
    ['d', 864e5],
    ['h', 36e5],
    ['min', 6e4],
  ] as const
  const [unit, size] = units.find(([, size]) => milliseconds >= 2 * size) ?? ['s', 1e3]
  return `${unit === 's' ? (milliseconds / size).toFixed(1) : Math.floor(milliseconds / size)} ${unit}`
}
