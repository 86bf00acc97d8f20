import type { Example } from '../lint-text.js'
import { DEFINITION } from './definition.js'
import { MIGRATION } from './migration.js'
import { MONITORING } from './monitoring.js'
import { QUERY } from './query.js'
import { POOLER, PROGRAM, SETTINGS } from './settings.js'
import { SESSION, VECTOR, WRITE } from './write.js'

/** What a rule finds, and what it leaves alone. */
export interface Examples {
  readonly bad: readonly (string | Example)[]
  readonly good: readonly (string | Example)[]
}

/** Examples of every rule, side by side. */
export const EXAMPLES: Readonly<Record<string, Examples>> = {
  ...DEFINITION,
  ...MIGRATION,
  ...MONITORING,
  ...POOLER,
  ...PROGRAM,
  ...QUERY,
  ...SESSION,
  ...SETTINGS,
  ...VECTOR,
  ...WRITE,
}
