import { createHash } from 'node:crypto'
import { z } from 'zod'
import { FleetError } from '../errors.js'
import type { EarlierDay } from './check.js'
import type { Examination } from './examine.js'

const schema = z.strictObject({
  version: z.literal(1),
  writtenAt: z.iso.datetime(),
  database: z.string(),
  fingerprints: z.array(z.string()),
  settings: z.record(z.string(), z.string()),
  /** Of all databases; files that were written before it was kept have none. */
  bytes: z.number().optional(),
})

/** What was known on an earlier day: findings that are not new, and the settings. */
export type Baseline = z.infer<typeof schema>

/** Settings that tell of this run, or of who asks, and not of the server. */
const TRANSIENT = new Set(['application_name', 'client_encoding', 'transaction_read_only', 'in_hot_standby'])
/** Settings that differ because the examination sets them. */
const OURS = new Set(['statement_timeout', 'lock_timeout', 'search_path', 'jit', 'transaction_isolation'])

/** Settings as a baseline keeps them: what might hold a secret as its hash alone. */
export function settingsOf(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([name]) => !TRANSIENT.has(name) && !OURS.has(name))
      .map(([name, value]) => [name, /password|conninfo|command|passphrase|secret/i.test(name) ? hash(value) : value])
      .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  )
}

const hash = (value: string) => `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 16)}`

/** The baseline of an examination. */
export function baselineOf({ server, results }: Examination): Baseline {
  return {
    version: 1,
    writtenAt: server.now.toISOString(),
    database: server.database,
    fingerprints: [
      ...new Set(results.flatMap(({ findings }) => findings.map(({ fingerprint }) => fingerprint))),
    ].sort(),
    settings: settingsOf(server.settings),
    ...(server.databaseBytes === undefined ? {} : { bytes: server.databaseBytes }),
  }
}

/** What a baseline keeps of the server. */
export function earlierDay({ writtenAt, settings, bytes }: Baseline): EarlierDay {
  return { writtenAt: new Date(writtenAt), settings, bytes }
}

/** Reads a baseline. Errors: OPTIONS_INVALID. */
export function parseBaseline(text: string, file: string): Baseline {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `${file} is no baseline that --write-baseline has written`,
      field: 'baseline',
      cause: error,
    })
  }
}
