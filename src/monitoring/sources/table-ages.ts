import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

/** The tables that have waited longest for a freeze. */
export const tableAges: Source = {
  id: 'table-ages',
  title: 'tables with the oldest transaction ids',
  groups: [TABLE_METRICS.freeze],
  isLimited: true,
  sql: `
    select current_database() as datname, n.nspname as schemaname, c.relname,
      greatest(age(c.relfrozenxid), age(t.relfrozenxid)) as frozen_age_transactions
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid = c.reltoastrelid
    where c.relkind in ('r', 'm')
    order by 4 desc, c.oid
    limit $1::int`,
}
