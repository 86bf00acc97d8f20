import { alterations } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { numberOf, typeName } from '../../sql/tree.js'

/** Changes that keep the stored bytes: from, to. */
const KEPT: ReadonlySet<string> = new Set([
  'varchar text',
  'text varchar',
  'bpchar text',
  'cidr inet',
  'citext text',
  'text citext',
])

export const changeType: StatementRule = {
  on: 'sql',
  id: 'change-type',
  level: 'warning',
  summary: "A column's type that is changed.",
  why: 'Unless the stored bytes stay the same, the table and its indexes are rewritten under ACCESS EXCLUSIVE. Programs that expect the old type may fail.',
  remedy: 'Add a column of the new type, write both, fill the old rows in batches, read the new one, drop the old one.',
  *check(statement, surroundings) {
    for (const { command, column, table, at } of alterations(statement, surroundings)) {
      if (command.subtype !== 'AT_AlterColumnType') continue
      const before = surroundings.catalog.find(table.schemaname, table.relname ?? '')?.columns.get(command.name ?? '')
      const to = typeName(column?.typeName)
      const length = numberOf(column?.typeName?.typmods?.[0])
      const hasUsing = column?.raw_default !== undefined
      if (before !== undefined && !hasUsing) {
        const same = before.type === to || KEPT.has(`${before.type} ${to}`)
        const [old] = before.modifiers
        const isWider = to === 'text' || length === undefined || (old !== undefined && length >= old)
        if (same && isWider && (to === 'text' || to === 'varchar' || to === 'inet')) continue
      }
      yield {
        at,
        message: `${table.relname} is rewritten to make ${command.name} ${to}, unless its bytes stay the same`,
      }
    }
  },
}
