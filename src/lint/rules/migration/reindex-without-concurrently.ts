import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const reindexWithoutConcurrently: StatementRule = {
  on: 'sql',
  id: 'reindex-without-concurrently',
  level: 'warning',
  summary: 'REINDEX without CONCURRENTLY.',
  why: 'Writes to the table wait until the index is built, and so do queries that would use it.',
  remedy:
    'REINDEX … CONCURRENTLY, outside a transaction. It cures a bloated or broken index, not a table with dead rows and not a plan that ignores the index.',
  *check(statement) {
    const reindex = statement.is('ReindexStmt')
    if (reindex === undefined || statement.routine?.dynamic === true) return
    const isConcurrent = (reindex.params ?? []).some((each) => as(each, 'DefElem')?.defname === 'concurrently')
    if (!isConcurrent)
      yield { message: `${reindex.relation?.relname ?? reindex.name ?? 'it'} is rebuilt while writes wait` }
  },
}
