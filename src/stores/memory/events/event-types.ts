import { z } from 'zod'
import { text } from '../../../input.js'

/** Most characters of a type, and of a pattern of types. */
export const EVENT_TYPE_LENGTH_MAX = 255

/**
 * A pattern of types, or up to 20 of which one has to match: `*` is any characters, also none, `?` is one; everything
 * else is itself.
 */
export type TypePattern = string | readonly string[]

const pattern = text(1, EVENT_TYPE_LENGTH_MAX)

/** What a caller gives as types, as LIKE patterns; null when every type matches. */
export const typePatterns = z
  .union([pattern.transform((one) => [one]), z.array(pattern).min(1).max(20)])
  .optional()
  .transform((patterns) =>
    patterns === undefined || patterns.some((one) => /^\*+$/.test(one)) ? null : patterns.map(toLike),
  )

/** The pattern in the language of LIKE, whose own wildcards are escaped. */
function toLike(pattern: string): string {
  return pattern
    .replace(/[\\%_]/g, '\\$&')
    .replace(/\*+/g, '%')
    .replaceAll('?', '_')
}
