import type { Rule } from '../rule.js'

type OwnFinding = Pick<Rule, 'id' | 'level' | 'summary' | 'why' | 'remedy'>

/** Findings that come of reading itself, of asking a database, and of suppressions. */
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
  failed: {
    id: 'trace-failed',
    level: 'error',
    summary: 'With --trace: the statement fails.',
    why: 'What comes behind it in the file was not run.',
    remedy: 'Correct it, or bring the scratch database to the state that the file is meant for.',
  },
  rewrite: {
    id: 'trace-rewrite',
    level: 'warning',
    summary: 'With --trace: a table that was there before is written anew under a lock.',
    why: 'It takes as long as the table is large, and others wait.',
    remedy: 'Add a column of the new kind, fill it in batches, and change over.',
  },
  scan: {
    id: 'trace-scan',
    level: 'warning',
    summary: 'With --trace: rows of a table that was there before are read while it is locked.',
    why: 'It takes as long as the table is large, and others wait.',
    remedy: 'NOT VALID and VALIDATE CONSTRAINT, CONCURRENTLY, or batches in transactions of their own.',
  },
  lock: {
    id: 'trace-lock',
    level: 'info',
    summary: 'With --trace: a lock on a table that was there before, for which others wait.',
    why: 'Whoever comes while it is waited for waits behind it, readers too.',
    remedy: '`set local lock_timeout`, and nothing slow in the same transaction.',
  },
} as const satisfies Record<string, OwnFinding>

/** Those that only a database tells of: without one a suppression of them may wait. */
export const ASKED: ReadonlySet<string> = new Set(
  [OWN_FINDINGS.refused, OWN_FINDINGS.failed, OWN_FINDINGS.rewrite, OWN_FINDINGS.scan, OWN_FINDINGS.lock].map(
    ({ id }) => id,
  ),
)
