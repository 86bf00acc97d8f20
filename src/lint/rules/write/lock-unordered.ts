import type { StatementRule } from '../../rule.js'
import { relationsOf } from '../../sql/scope.js'
import { as, operatorOf, under } from '../../sql/tree.js'

export const lockUnordered: StatementRule = {
  on: 'sql',
  id: 'lock-unordered',
  level: 'warning',
  summary: 'SELECT … FOR UPDATE of many rows without ORDER BY, or of the next row of a queue without SKIP LOCKED.',
  why: 'Rows locked in no order deadlock with another batch. Workers that take the first row of a queue all wait for the same one.',
  remedy: 'ORDER BY the key; for a queue FOR UPDATE SKIP LOCKED.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const select of statement.all('SelectStmt')) {
      const clause = (select.node.lockingClause ?? [])
        .map((each) => as(each, 'LockingClause'))
        .find((each) => each !== undefined)
      if (clause === undefined || clause.waitPolicy === 'LockWaitSkip' || clause.waitPolicy === 'LockWaitError')
        continue
      if (!/UPDATE$/.test(clause.strength ?? '')) continue
      const isQueue = select.node.limitCount !== undefined && (select.node.sortClause?.length ?? 0) > 0
      const status = under(select.node.whereClause, 'A_Expr').some((each) =>
        /status|state|locked|available|run_at|lease/.test(JSON.stringify(each.lexpr ?? '')),
      )
      if (isQueue && status) {
        yield { message: 'all workers wait for the same first row' }
        continue
      }
      if ((select.node.sortClause?.length ?? 0) > 0 || select.node.limitCount !== undefined) continue
      const many = under(select.node.whereClause, 'A_Expr').find(
        (each) => each.kind === 'AEXPR_OP_ANY' || each.kind === 'AEXPR_IN',
      )
      const [relation] = relationsOf(select, catalog)
      if (many !== undefined && operatorOf({ A_Expr: many }) === '=' && relation?.range !== undefined) {
        yield { at: many.location, message: `rows of ${relation.range.relname} are locked in whatever order they come` }
      }
    }
  },
}
