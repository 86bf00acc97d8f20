import type { StatementRule } from '../../rule.js'

export const unloggedTable: StatementRule = {
  on: 'sql',
  id: 'unlogged-table',
  level: 'info',
  summary: 'An unlogged table.',
  why: 'A crash empties it, standbys never have it, and a backup taken from a standby lacks it.',
  remedy:
    'Say that its rows may be lost; where they may not, a logged table and `set local synchronous_commit = off` write nearly as fast.',
  *check(statement) {
    const relation = statement.is('CreateStmt')?.relation
    if (relation?.relpersistence === 'u')
      yield { at: relation.location, message: `a crash empties ${relation.relname}` }
  },
}
