import { lint } from '../../dist/lint/lint.js'
import type { Finding, PgVersion, Pooling } from '../../dist/lint/rule.js'
import { Source, type SourceKind } from '../../dist/lint/source.js'

/** A text to lint, with what has to be known to do so. */
export interface Example {
  readonly text: string
  readonly as?: SourceKind
  readonly path?: string
  readonly version?: PgVersion
  readonly pooling?: Pooling
}

const PATHS: Readonly<Record<SourceKind, string>> = {
  sql: 'example.sql',
  ts: 'example.ts',
  'postgresql.conf': 'postgresql.conf',
  'pgbouncer.ini': 'pgbouncer.ini',
}

/** The findings in a text, of every level. */
export async function lintText(example: string | Example): Promise<Finding[]> {
  const { text, as = 'sql', path, version = 18, pooling } = typeof example === 'string' ? { text: example } : example
  const { findings } = await lint([new Source(path ?? PATHS[as], as, text)], { version, pooling })
  return findings.map(({ finding }) => finding)
}
