import { InvalidArgumentError } from 'commander'

/** Parses a size, in bytes: `512MB`, `16GB`; 1 MB is 1024² bytes, as PostgreSQL counts. */
export function size(text: string): number {
  const [, amount, unit] = /^(\d{1,6})\s?(MB|GB|TB)$/i.exec(text) ?? []
  if (amount === undefined) throw new InvalidArgumentError('A size like 512MB or 16GB is expected.')
  return Number(amount) * 1024 ** { MB: 2, GB: 3, TB: 4 }[unit?.toUpperCase() as 'MB' | 'GB' | 'TB']
}
