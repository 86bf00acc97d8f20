import { DATABASE_METRICS } from '../metrics/database.js'
import type { Source } from './source.js'

/** Sizes of databases, which takes a look at every file: of those that are used most, and that the login may measure. */
export const databaseSizes: Source = {
  id: 'database-sizes',
  title: 'size of databases',
  pace: 'slow',
  groups: [DATABASE_METRICS.size],
  isLimited: true,
  sql: `
    select d.datname, d.datconnlimit as connection_limit,
      case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid)::float8 end as size_bytes
    from pg_database d join pg_stat_database s on s.datid = d.oid
    where d.datallowconn
    order by s.xact_commit + s.xact_rollback desc, d.oid
    limit $1::int`,
}
