import type { z } from 'zod'
import { FleetError } from './errors.js'

/**
 * Checks an argument before anything is queued or sent. Errors: INPUT_INVALID, whose field is a path like
 * `experiences[3].reward` and whose message never shows the value.
 */
export function check<Schema extends z.ZodType>(name: string, schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])]
  const field = path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    name,
  )
  throw new FleetError('INPUT_INVALID', { message: `${field}: ${issue?.message}`, field })
}
