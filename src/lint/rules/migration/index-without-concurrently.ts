import { isExisting } from '../../existing.js'
import { concurrently } from '../../migration.js'
import type { StatementRule } from '../../rule.js'

export const indexWithoutConcurrently: StatementRule = {
  on: 'sql',
  id: 'index-without-concurrently',
  level: 'warning',
  summary: 'CREATE INDEX without CONCURRENTLY on a table that is already there.',
  why: 'It takes a SHARE lock: every write to the table waits until the index is built.',
  remedy: 'CREATE INDEX CONCURRENTLY, in a migration that runs outside a transaction.',
  *check(statement, { statements, catalog }) {
    const index = statement.is('IndexStmt')
    if (index === undefined || index.concurrent === true || !statement.runsWithFile || statement.routine?.dynamic)
      return
    if (!isExisting(index.relation, statement, statements)) return
    const table = catalog.find(index.relation?.schemaname, index.relation?.relname ?? '')
    const relation = index.relation?.relname
    if (table?.kind === 'view') return
    if (table?.partitionKey !== undefined) {
      // Without inheritance nothing is built: the partitions' indexes are attached later.
      if (index.relation?.inh !== true) return
      yield {
        at: index.relation?.location,
        message: `writes to ${relation} and all its partitions wait until the index is built`,
        remedy:
          'A partitioned table takes no CONCURRENTLY: CREATE INDEX … ON ONLY the parent, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION each.',
      }
      return
    }
    yield {
      at: index.relation?.location,
      message: `writes to ${relation} wait until the index is built`,
      ...concurrently(statement, /^create\s+(unique\s+)?index/i),
    }
  },
}
