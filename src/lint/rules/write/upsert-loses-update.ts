import type { StatementRule } from '../../rule.js'
import { as, columnOf, under } from '../../sql/tree.js'

/** Columns that add up, whatever the statement says of others. */
const COUNTS = /^(?!max_|min_)(?:.*_)?(count|counts|counter|visits|hits|balance|attempts|views|uses)$/i
/** Columns that a client computes from what it has read before, when others beside it are counted up. */
const LEARNED = /(^|_)(q|q_?values?|score|average|avg|mean|total|sum|confidence|uncertainty|weight|rating|reward)$/i

export const upsertLosesUpdate: StatementRule = {
  on: 'sql',
  id: 'upsert-loses-update',
  level: 'warning',
  summary: 'An upsert that overwrites a count or a learned value with what the client computed.',
  why: 'Two clients read the same old value and each writes its own new one: one update is lost. The row lock of ON CONFLICT does not help, it comes after the reading.',
  remedy:
    'Compute it in SQL: `q = t.q + $alpha * ($reward + $gamma * $next - t.q)`, `visits = t.visits + 1`; or compare a version and try again.',
  *check(statement) {
    for (const { node } of statement.all('InsertStmt')) {
      // What a query computes from tables it computes in the database.
      const source = as(node.selectStmt, 'SelectStmt')
      if ((source?.fromClause ?? []).some((each) => !('RangeFunction' in each))) continue
      const targets = (node.onConflictClause?.targetList ?? []).map((each) => as(each, 'ResTarget'))
      const counts = targets.some((target) => isComputedFromItself(target?.val, target?.name))
      for (const target of targets) {
        const value = columnOf(target?.val)
        if (target?.name === undefined || value?.qualifier !== 'excluded' || value.name !== target.name) continue
        if (COUNTS.test(target.name) || (counts && LEARNED.test(target.name))) {
          yield { at: target.location, message: `of two concurrent updates of ${target.name} one is lost` }
        }
      }
    }
  },
}

function isComputedFromItself(node: Parameters<typeof under>[0], name: string | undefined): boolean {
  return (
    under(node, 'ColumnRef').some((each) => {
      const column = columnOf({ ColumnRef: each })
      return column?.name === name && column?.qualifier !== 'excluded'
    }) && columnOf(node) === undefined
  )
}
