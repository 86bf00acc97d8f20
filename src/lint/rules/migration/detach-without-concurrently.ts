import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const detachPartition: StatementRule = {
  on: 'sql',
  id: 'detach-without-concurrently',
  level: 'warning',
  summary: 'DETACH PARTITION without CONCURRENTLY, or a partition that is dropped in the file that detaches it.',
  why: 'It takes ACCESS EXCLUSIVE on the parent, so all partitions are locked. What is dropped right after is gone before anybody saw that its archive can be read.',
  remedy:
    'DETACH PARTITION … CONCURRENTLY, outside a transaction; a DEFAULT partition makes that impossible. Dump, restore the dump elsewhere, compare row counts, and drop the table later.',
  *check(statement, { statements }) {
    for (const each of statement.is('AlterTableStmt')?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      const detached = as(command?.def, 'PartitionCmd')
      if (command?.subtype !== 'AT_DetachPartition' || detached === undefined) continue
      const relation = statement.is('AlterTableStmt')?.relation
      if (detached.concurrent !== true && statement.routine?.dynamic !== true) {
        yield { at: relation?.location, message: `all partitions of ${relation?.relname} are locked to detach one` }
      }
      const dropped = statements.find(
        (other) =>
          other.start > statement.start &&
          (other.is('DropStmt')?.objects ?? []).some(
            (one) => words(as(one, 'List')?.items).at(-1) === detached.name?.relname,
          ),
      )
      if (dropped !== undefined)
        yield { at: dropped.start, message: `${detached.name?.relname} is dropped before its archive was read back` }
    }
  },
}
