import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const attachWithoutKey: StatementRule = {
  on: 'sql',
  id: 'attach-without-key',
  level: 'warning',
  summary: 'ATTACH PARTITION of a table that lacks an index or a NOT NULL of its parent.',
  why: 'The index is built, and the column is read for nulls, while both tables are locked.',
  remedy:
    'Give the table the same keys, unique constraints and NOT NULL (CREATE TABLE … LIKE … INCLUDING ALL) before it is attached.',
  *check(statement, { catalog, statements }) {
    const alter = statement.is('AlterTableStmt')
    const parent = catalog.find(alter?.relation?.schemaname, alter?.relation?.relname ?? '')
    for (const each of alter?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      const attached = as(command?.def, 'PartitionCmd')?.name
      if (command?.subtype !== 'AT_AttachPartition' || attached?.relname === undefined) continue
      const table = catalog.find(attached.schemaname, attached.relname)
      if (parent === undefined || table?.complete !== true) continue
      // What the same file creates is empty, unless it is filled there.
      const isFilled = statements.some(
        (other) => other.start < statement.start && other.is('InsertStmt')?.relation?.relname === attached.relname,
      )
      const isNew = statements.some((other) => other.is('CreateStmt')?.relation?.relname === attached.relname)
      if (isNew && !isFilled) continue
      for (const index of parent.indexes.filter(({ unique }) => unique)) {
        const key = index.columns.join(', ')
        if (!table.indexes.some((one) => one.unique && one.columns.join(', ') === key)) {
          yield {
            at: attached.location,
            message: `${table.name} has no unique index on ${key}, and it is built under the lock`,
          }
        }
      }
      for (const { name, notNull } of parent.columns.values()) {
        if (notNull && table.columns.get(name)?.notNull === false) {
          yield {
            at: attached.location,
            message: `${table.name}.${name} may be null, and is read from end to end under the lock`,
          }
        }
      }
    }
  },
}
