import type { StatementRule } from '../../rule.js'
import { as, numberOf } from '../../sql/tree.js'

export const offsetPagination: StatementRule = {
  on: 'sql',
  id: 'offset-pagination',
  level: 'warning',
  summary: 'OFFSET in a query with LIMIT.',
  why: 'The rows of the offset are found, sorted and thrown away: a page costs more the further back it is, and rows that come or go meanwhile are shown twice or never.',
  remedy: 'Page by key: `where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 100`.',
  *check(statement) {
    for (const { node } of statement.all('SelectStmt')) {
      const { limitOffset, limitCount } = node
      if (limitOffset === undefined || limitCount === undefined) continue
      if (numberOf(limitOffset) === 0) continue
      const constant = numberOf(limitOffset)
      // The n-th row by itself, as of a median, is no page.
      if (constant === undefined && numberOf(limitCount) === 1) continue
      const at = as(limitOffset, 'ParamRef')?.location ?? as(limitOffset, 'A_Const')?.location
      yield {
        at,
        message:
          constant === undefined ? 'a page is found by its OFFSET' : `${constant} rows are found and thrown away`,
      }
    }
  },
}
