import { alterations } from '../../migration.js'
import type { StatementRule } from '../../rule.js'

export const primaryKeyNullable: StatementRule = {
  on: 'sql',
  id: 'primary-key-nullable',
  level: 'warning',
  summary: 'PRIMARY KEY USING INDEX of columns that may be null.',
  why: 'It sets them NOT NULL, and for that reads the table from end to end while nobody else can read or write it.',
  remedy: 'First set the columns NOT NULL by way of a validated check; then add the key.',
  *check(statement, surroundings) {
    for (const { constraint, table, at } of alterations(statement, surroundings)) {
      if (constraint?.contype !== 'CONSTR_PRIMARY' || constraint.indexname === undefined) continue
      const known = surroundings.catalog.find(table.schemaname, table.relname ?? '')
      const index = known?.indexes.find(({ name }) => name === constraint.indexname)
      const open = (index?.columns ?? []).filter(
        (name) => name !== undefined && known?.columns.get(name)?.notNull === false,
      )
      if (open.length > 0)
        yield { at, message: `${table.relname} is read from end to end, for ${open.join(', ')} may be null` }
    }
  },
}
