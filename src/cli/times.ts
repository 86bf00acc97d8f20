import { InvalidArgumentError } from 'commander'

/** Parses a time: ISO 8601, or so long ago: `15m`, `2h`, `7d`. */
export function time(text: string): Date {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const found =
    amount === undefined
      ? new Date(/^\d{4}-\d\d-\d\d/.test(text) ? text : Number.NaN)
      : new Date(Date.now() - Number(amount) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[unit as 's' | 'm' | 'h' | 'd'])
  if (Number.isNaN(found.getTime()))
    throw new InvalidArgumentError('A time like 2026-01-31T12:00:00Z, 15m, 2h or 7d is expected.')
  return found
}
