import type { Example } from '../lint-text.js'
import { DEFINITION } from './definition.js'

/** What a rule finds, and what it leaves alone. */
export interface Examples {
  readonly bad: readonly (string | Example)[]
  readonly good: readonly (string | Example)[]
}

/** Examples of every rule, side by side. */
export const EXAMPLES: Readonly<Record<string, Examples>> = { ...DEFINITION }
