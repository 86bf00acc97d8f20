import type { StatementRule } from '../../rule.js'
import { as, columnOf, under } from '../../sql/tree.js'

const EXPIRY = /(^|_)(expires|expiry|expiration|expire|valid_until|ttl|deadline)(_at|_on|_date|_time)?$/i

export const upsertKeepsExpiry: StatementRule = {
  on: 'sql',
  id: 'upsert-keeps-expiry',
  level: 'warning',
  summary: 'An upsert that gives a new row an expiry, and an updated row none.',
  why: 'A row that is updated daily still expires as long after its birth as one that nobody touched: the clean-up deletes what is in use.',
  remedy: 'Set the expiry in DO UPDATE as well; in steps of a day, so that an index on it does not cost every update.',
  *check(statement) {
    for (const { node } of statement.all('InsertStmt')) {
      const conflict = node.onConflictClause
      if (conflict?.action !== 'ONCONFLICT_UPDATE') continue
      // `where false` locks the row and leaves it; a condition on the expiry knows of it.
      const isLock = as(conflict.whereClause, 'A_Const')?.boolval !== undefined
      const names = under(conflict.whereClause, 'ColumnRef').map((each) => columnOf({ ColumnRef: each })?.name ?? '')
      if (isLock || names.some((name) => EXPIRY.test(name))) continue
      const expiry = (node.cols ?? [])
        .map((each) => as(each, 'ResTarget'))
        .find((each) => EXPIRY.test(each?.name ?? ''))
      if (expiry === undefined) continue
      const set = (conflict.targetList ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? [])
      if (!set.includes(expiry.name ?? '')) {
        yield {
          at: conflict.location ?? expiry.location,
          message: `${expiry.name} stays as it was when the row was born`,
        }
      }
    }
  },
}
