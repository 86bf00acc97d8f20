import { DATABASE_METRICS } from '../metrics/database.js'
import type { Source } from './source.js'

/** How near databases are to running out of transaction ids: the oldest. */
export const transactionIds: Source = {
  id: 'transaction-ids',
  title: 'age of transaction ids by database',
  groups: [DATABASE_METRICS.wraparound],
  isLimited: true,
  sql: `
    select d.datname, age(d.datfrozenxid) as datfrozenxid_seconds, mxid_age(d.datminmxid) as datminmxid_seconds
    from pg_database d
    order by greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)) desc, d.oid
    limit $1::int`,
}
