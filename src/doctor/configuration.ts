import { z } from 'zod'
import { FleetError } from '../errors.js'
import { LEVELS, type Level } from './check.js'
import { thresholdsSchema } from './thresholds.js'

/** The file that is read when none is named. */
export const CONFIGURATION_FILE = '.pgfleet-doctor.json'

const schema = z.strictObject({
  /** Values in place of the defaults. */
  thresholds: thresholdsSchema.optional(),
  /** Findings that are known and accepted, each with the reason. */
  ignore: z.array(z.strictObject({ fingerprint: z.string().min(1), reason: z.string().trim().min(1) })).optional(),
  /** The level of all findings of a check, or `off` to leave the check out. */
  levels: z.record(z.string(), z.enum([...LEVELS, 'off'] as [Level, Level, Level, 'off'])).optional(),
})

/** What `.pgfleet-doctor.json` may say. */
export type Configuration = z.infer<typeof schema>

/** A finding that the configuration accepts. */
export type Ignored = NonNullable<Configuration['ignore']>[number]

/** Reads a configuration; `ids` are the checks there are. Errors: OPTIONS_INVALID, which names the member. */
export function parseConfiguration(text: string, ids: ReadonlySet<string>, file = CONFIGURATION_FILE): Configuration {
  const invalid = (message: string, field: string) =>
    new FleetError('OPTIONS_INVALID', { message: `${file}: ${message}`, field })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // The parser's message repeats what it met: of a binary file that is noise that a terminal obeys.
    const said = /[\p{Cc}\ufffd]/u.test(text.replace(/[\t\r\n]/g, ''))
      ? 'it looks like a binary file'
      : (error as Error).message
    throw invalid(`is no JSON: ${said}`, 'config')
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const path = issue?.path.join('.') || 'the file'
    throw invalid(`${path}: ${issue?.message}`, path)
  }
  for (const id of Object.keys(parsed.data.levels ?? {})) {
    if (!ids.has(id)) throw invalid(`levels.${id}: there is no check of that name`, `levels.${id}`)
  }
  return parsed.data
}
