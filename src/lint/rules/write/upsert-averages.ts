import type { StatementRule } from '../../rule.js'
import { as, columnOf, numberOf, operatorOf, under } from '../../sql/tree.js'

export const upsertAverages: StatementRule = {
  on: 'sql',
  id: 'upsert-averages',
  level: 'warning',
  summary: 'An upsert that sets a value to the mean of the old and the new one.',
  why: 'The result depends on the order: 0 then 1 then 0.5 gives another value than 1 then 0 then 0.5. The last update weighs a half, all before it together the other half.',
  remedy: 'A learning rate that is written down, `v + $alpha * ($new - v)`, or a sum and a count.',
  *check(statement) {
    for (const { node } of statement.all('InsertStmt')) {
      for (const each of node.onConflictClause?.targetList ?? []) {
        const target = as(each, 'ResTarget')
        const division = as(target?.val, 'A_Expr')
        if (operatorOf(target?.val) !== '/' || numberOf(division?.rexpr) !== 2 || operatorOf(division?.lexpr) !== '+')
          continue
        const columns = under(division?.lexpr, 'ColumnRef').map((one) => columnOf({ ColumnRef: one }))
        const isMean =
          columns.length === 2 &&
          columns.every((one) => one?.name === target?.name) &&
          columns.some((one) => one?.qualifier === 'excluded')
        if (isMean)
          yield { at: target?.location, message: `${target?.name} depends on the order in which updates come` }
      }
    }
  },
}
