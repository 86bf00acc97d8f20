import type { StatementRule } from '../../rule.js'
import { alone } from '../../sql/alone.js'

export const notInTransaction: StatementRule = {
  on: 'sql',
  id: 'not-in-transaction',
  level: 'error',
  summary: 'A statement that cannot run inside a transaction, inside one or in a routine.',
  why: 'PostgreSQL refuses it there: VACUUM, CREATE INDEX CONCURRENTLY, REINDEX CONCURRENTLY, CREATE DATABASE and their like commit by themselves.',
  remedy:
    'Send it by itself: a migration of its own that says it runs without a transaction, or a scheduler. Never from a function or DO.',
  *check(statement) {
    const what = alone(statement)
    if (what === undefined) return
    const { routine } = statement
    if (routine !== undefined) {
      const where = routine.kind === 'do' ? 'a DO statement' : `the ${routine.kind} ${routine.name}`
      yield { message: `${what} cannot be executed from ${where}` }
    } else if (statement.transaction === 'inside') {
      yield { message: `${what} cannot run inside a transaction, and this file is one` }
    }
  },
}
