import type { Rule } from '../rule.js'

type OwnFinding = Pick<Rule, 'id' | 'level' | 'summary' | 'why' | 'remedy'>

/** Findings that come of reading itself, and of suppressions. */
export const OWN_FINDINGS = {
  syntax: {
    id: 'syntax',
    level: 'error',
    summary: 'The text does not parse.',
    why: "What PostgreSQL's own grammar refuses cannot run. Reading goes on behind the next semicolon.",
    remedy: 'Correct it. Where the file is meant for another program, leave it out by `exclude`.',
  },
  refused: {
    id: 'statement-refused',
    level: 'error',
    summary: 'The database of --url refuses to prepare a statement.',
    why: 'A table, column, function or type that it names is not there, or the types do not fit.',
    remedy: 'Correct the statement, or bring the schema of the database up to date.',
  },
  invalid: {
    id: 'suppression-invalid',
    level: 'warning',
    summary: 'A suppression names no reason, or a rule that does not exist.',
    why: 'Whoever reads the code later has to see why the rule does not hold here.',
    remedy: 'Write `-- pgfleet-lint ignore RULE: REASON`.',
  },
  unused: {
    id: 'suppression-unused',
    level: 'warning',
    summary: 'A suppression suppresses nothing.',
    why: 'It would hide the next problem of that kind.',
    remedy: 'Remove it.',
  },
} as const satisfies Record<string, OwnFinding>
