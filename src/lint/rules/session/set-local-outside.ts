import type { StatementRule } from '../../rule.js'

export const setLocalOutside: StatementRule = {
  on: 'sql',
  id: 'set-local-outside',
  level: 'warning',
  summary: 'SET LOCAL outside a transaction.',
  why: 'It ends with its own statement, with a warning that nobody reads: nothing is set.',
  remedy: 'BEGIN before it, COMMIT behind what needs it.',
  *check(statement) {
    const set = statement.is('VariableSetStmt')
    if (set?.is_local !== true || statement.routine !== undefined || statement.transaction !== 'outside') return
    yield { message: `${set.name} is set for no other statement` }
  },
}
