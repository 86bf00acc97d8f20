import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const sequenceBurn: StatementRule = {
  on: 'sql',
  id: 'sequence-burn',
  level: 'info',
  summary: 'An upsert into a table whose key comes from a sequence.',
  why: 'Every attempt takes a number, also when it only updates: the sequence runs ahead of the rows.',
  remedy: 'Make the natural key the primary key, or see that the sequence is a bigint.',
  *check(statement, { catalog }) {
    for (const { node } of statement.all('InsertStmt')) {
      if (node.onConflictClause === undefined) continue
      const table = catalog.find(node.relation?.schemaname, node.relation?.relname ?? '')
      const given = new Set((node.cols ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? []))
      const taken = [...(table?.columns.values() ?? [])].find((each) => each.serial && !given.has(each.name))
      if (taken !== undefined)
        yield { at: node.relation?.location, message: `each call takes a number of ${taken.name}, an update too` }
    }
  },
}
