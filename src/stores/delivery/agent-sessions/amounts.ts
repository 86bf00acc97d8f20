import { z } from 'zod'

/** A sum of US dollars: a number, or exact as decimal text of at most twelve digits before the point and ten behind. */
export type UsDollars = number | string

/** The same as the database takes it: to ten decimals. */
export const usDollars = z
  .union([
    z.number().min(0).max(1e11),
    z.string().regex(/^\d{1,12}(\.\d{1,10})?$/, 'is not an amount like 12.5, of at most ten decimals'),
  ])
  .transform((amount) => (typeof amount === 'string' ? amount : amount.toFixed(10)))

/** A whole number that the database counts with. */
export const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

/** A sum that the database returned, without trailing zeros. */
export function toUsDollars(amount: string): string {
  return amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount
}
