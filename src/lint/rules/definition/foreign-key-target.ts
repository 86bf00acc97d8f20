import type { StatementRule } from '../../rule.js'
import { words } from '../../sql/tree.js'

export const foreignKeyTarget: StatementRule = {
  on: 'sql',
  id: 'foreign-key-target',
  level: 'error',
  summary: 'A foreign key to columns that no primary key or unique constraint covers.',
  why: 'PostgreSQL refuses it ("there is no unique constraint matching given keys"), as to the id alone of a partitioned table, whose key has the partition column too.',
  remedy:
    'Refer to the whole key, or leave the foreign key away: on partitioned, append-only tables it also stands in the way of dropping partitions.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const { node } of statement.all('Constraint')) {
      if (node.contype !== 'CONSTR_FOREIGN' || node.pktable?.relname === undefined) continue
      const target = catalog.find(node.pktable.schemaname, node.pktable.relname)
      const columns = words(node.pk_attrs)
      if (target === undefined || !target.complete || columns.length === 0) continue
      const isKey = target.indexes.some(
        (index) =>
          index.unique &&
          !index.partial &&
          index.columns.length === columns.length &&
          columns.every((each) => index.columns.includes(each)),
      )
      if (!isKey) yield { at: node.location, message: `${target.name} has no unique key on ${columns.join(', ')}` }
    }
  },
}
