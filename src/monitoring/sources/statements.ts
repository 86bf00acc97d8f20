import { STATEMENT_METRICS } from '../metrics/statements.js'
import type { Source } from './source.js'

// Thousands of entries are counted at each look: names and keys are made for those alone that are told, and sums are not numeric,
// which takes several times as long.
const statementsSql = (read: string, write: string) => `
  with counted as materialized (
    select s.userid, s.dbid, s.queryid, sum(s.calls::float8) as calls, sum(s.total_exec_time) as total, sum(s.rows::float8) as rows, sum(${read}) as read,
      sum(${write}) as write
    from {schema}.pg_stat_statements(false) s
    group by 1, 2, 3
  ),
  top as (
    select c.*, true as is_top from counted c where c.queryid is not null order by c.total desc, c.queryid limit $1::int
  ),
  told as (
    select * from top
    union all
    select c.*, false from counted c
    where c.queryid in (select split_part(k, '/', 3)::bigint from unnest($2::text[]) k)
      and not exists (select from top t where t.queryid = c.queryid and t.userid = c.userid and t.dbid = c.dbid)
  )
  select concat_ws('/', t.userid, t.dbid, t.queryid) as key, t.is_top, coalesce(r.rolname, t.userid::text) as user, coalesce(d.datname, t.dbid::text) as datname,
    t.queryid::text as queryid, t.calls as calls_total, t.total / 1000 as seconds_total, t.rows as rows_total, t.read / 1000 as block_read_seconds_total,
    t.write / 1000 as block_write_seconds_total
  from told t left join pg_roles r on r.oid = t.userid left join pg_database d on d.oid = t.dbid
  union all
  select null, false, null, null, null, coalesce(sum(c.calls), 0), coalesce(sum(c.total), 0) / 1000, coalesce(sum(c.rows), 0),
    coalesce(sum(c.read), 0) / 1000, coalesce(sum(c.write), 0) / 1000
  from counted c`

/** Statements by time: those with the most, and the rest as one. Texts are not read. */
export const statements: Source = {
  id: 'statements',
  title: 'statements by time',
  needs: {
    extension: 'pg_stat_statements',
    all: true,
    isExpected: true,
    rights: 'pg_monitor, and usage of the schema that the extension is in',
  },
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
