import { alterations, isUndo } from '../../migration.js'
import type { StatementRule } from '../../rule.js'

export const dropNotNull: StatementRule = {
  on: 'sql',
  id: 'drop-not-null',
  level: 'info',
  summary: 'DROP NOT NULL.',
  why: 'Programs that read the column do not expect nulls.',
  remedy: 'First deploy programs that do.',
  *check(statement, surroundings) {
    if (isUndo(statement.source.path)) return
    for (const { command, table, at } of alterations(statement, surroundings)) {
      if (command.subtype === 'AT_DropNotNull')
        yield { at, message: `${table.relname}.${command.name} may be null from here on` }
    }
  },
}
