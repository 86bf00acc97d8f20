import { isExisting } from '../../existing.js'
import { isUndo } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const dropTable: StatementRule = {
  on: 'sql',
  id: 'drop-table',
  level: 'warning',
  summary: 'A table or column that is dropped.',
  why: 'Its rows are gone, and programs that still read it fail. It waits for every query on the table, and others wait behind it.',
  remedy: 'First deploy programs that no longer use it, then drop it, with a backup at hand.',
  *check(statement, { statements }) {
    if (!statement.runsWithFile || isUndo(statement.source.path) || statement.routine?.dynamic === true) return
    const drop = statement.is('DropStmt')
    if (drop?.removeType === 'OBJECT_TABLE') {
      for (const each of drop.objects ?? []) {
        const [relname, schemaname] = words(as(each, 'List')?.items).reverse()
        if (relname === undefined || !isExisting({ relname, ...(schemaname && { schemaname }) }, statement, statements))
          continue
        // Detached in this file: that has a rule of its own.
        yield { message: `the rows of ${relname} are gone` }
      }
    }
    const alter = statement.is('AlterTableStmt')
    if (alter?.objtype !== 'OBJECT_TABLE' || !isExisting(alter.relation, statement, statements)) return
    for (const each of alter.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      if (command?.subtype !== 'AT_DropColumn') continue
      yield {
        at: alter.relation?.location,
        message: `the values of ${alter.relation?.relname}.${command.name} are gone`,
      }
    }
  },
}
