import { z } from 'zod'
import { FleetError } from './errors.js'

/**
 * Checks an argument before anything is queued or sent. Errors: INPUT_INVALID, whose field is a path like
 * `experiences[3].reward` and whose message never shows the value.
 * @param usual sees by hand, of calls that are hot, what the schema would take as it is; undefined says only that the schema has to look
 */
export function check<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  value: unknown,
  usual?: (value: unknown) => z.output<Schema> | undefined,
): z.output<Schema> {
  let parsed: z.ZodSafeParseResult<z.output<Schema>>
  try {
    const seen = usual?.(value)
    if (seen !== undefined) return seen
    parsed = schema.safeParse(value)
  } catch (cause) {
    // A value that contains itself, or is nested without end, exhausts the stack of the parser.
    throw new FleetError('INPUT_INVALID', { message: `${name} cannot be read`, field: name, cause })
  }
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])]
  const field = path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    name,
  )
  throw new FleetError('INPUT_INVALID', { message: `${field}: ${issue?.message}`, field })
}

/** A string that the database can hold: no NUL character, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** Text of so many characters that the database can hold. */
export const text = (min: number, max: number) =>
  z.string().min(min).max(max).refine(isStorable, 'holds a NUL character or half of a surrogate pair')

/** A plain object with any members; each is checked where it is made JSON. */
export const members = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is not an object',
)
