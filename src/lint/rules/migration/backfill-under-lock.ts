import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'

export const backfill: StatementRule = {
  on: 'sql',
  id: 'backfill-under-lock',
  level: 'warning',
  summary: 'An UPDATE or DELETE of many rows in the transaction that altered the table.',
  why: 'The lock of the ALTER TABLE is held until the commit: nobody reads the table while its rows are rewritten, and all dead rows come at once.',
  remedy: 'Alter in one migration; fill in another, in batches that commit.',
  *check(statement, { statements }) {
    if (statement.transaction !== 'inside' || !statement.migration || statement.routine?.kind === 'function') return
    const write = statement.is('UpdateStmt') ?? statement.is('DeleteStmt')
    if (!isExisting(write?.relation, statement, statements)) return
    const altered = statements.some(
      (other) =>
        other.start < statement.start &&
        other.is('AlterTableStmt')?.relation?.relname === write?.relation?.relname &&
        other.is('AlterTableStmt') !== undefined,
    )
    if (altered)
      yield {
        at: write?.relation?.location,
        message: `${write?.relation?.relname} stays locked while its rows are rewritten`,
      }
  },
}
