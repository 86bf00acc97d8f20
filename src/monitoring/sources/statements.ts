import { STATEMENT_METRICS } from '../metrics/statements.js'
import type { Source } from './source.js'

const statementsSql = (read: string, write: string) => `
  with counted as materialized (
    select coalesce(r.rolname, s.userid::text) as user, coalesce(d.datname, s.dbid::text) as datname, s.queryid, sum(s.calls) as calls, sum(s.total_exec_time) as total,
      sum(s.rows) as rows, sum(${read}) as read, sum(${write}) as write
    from {schema}.pg_stat_statements(false) s left join pg_roles r on r.oid = s.userid left join pg_database d on d.oid = s.dbid
    group by 1, 2, 3
  ),
  ranked as (
    select c.*, concat_ws('/', c.user, c.datname, c.queryid) as key, row_number() over (order by c.total desc, c.queryid) as place
    from counted c where c.queryid is not null
  )
  select r.key, r.place <= $1::int as is_top, r.user, r.datname, r.queryid::text as queryid, r.calls as calls_total, r.total / 1000 as seconds_total,
    r.rows as rows_total, r.read / 1000 as block_read_seconds_total, r.write / 1000 as block_write_seconds_total
  from ranked r where r.place <= $1::int or r.key = any ($2::text[])
  union all
  select null, false, null, null, null, coalesce(sum(c.calls), 0), coalesce(sum(c.total), 0) / 1000, coalesce(sum(c.rows), 0),
    coalesce(sum(c.read), 0) / 1000, coalesce(sum(c.write), 0) / 1000
  from counted c`

/** Statements by time: those with the most, and the rest as one. Texts are not read. */
export const statements: Source = {
  id: 'statements',
  title: 'statements by time',
  needs: { extension: 'pg_stat_statements', isExpected: true, rights: 'pg_read_all_stats' },
  groups: [STATEMENT_METRICS.statistics],
  isRanked: true,
  sql: {
    15: statementsSql('s.blk_read_time', 's.blk_write_time'),
    17: statementsSql(
      's.shared_blk_read_time + s.local_blk_read_time',
      's.shared_blk_write_time + s.local_blk_write_time',
    ),
  },
}
