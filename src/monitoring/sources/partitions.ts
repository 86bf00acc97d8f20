import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

/**
 * Tables partitioned by ranges of time, those first whose last partition ends first. A range of UUIDs counts as one of time
 * when the times inside both of its ends, read as UUIDv7, are of our days.
 */
export const partitions: Source = {
  id: 'partitions',
  title: 'how far partitions are made ahead',
  groups: [TABLE_METRICS.partitions],
  isLimited: true,
  sql: `
    with parts as (
      select i.inhparent as parent, c.oid, a.atttypid = 'uuid'::regtype as is_uuid, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid
      where p.partstrat = 'r' and p.partnatts = 1 and a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype, 'uuid'::regtype)
    ),
    texts as (
      select p.*, substring(p.bound from 'FROM \\(''([^'']+)''\\)') as low, substring(p.bound from 'TO \\(''([^'']+)''\\)') as high from parts p
    ),
    times as (
      select t.*,
        case when t.is_uuid then to_timestamp(('x' || left(replace(t.low, '-', ''), 12))::bit(48)::bigint / 1000.0)
          when t.low !~ 'infinity' then t.low::timestamptz end as begins,
        case when t.is_uuid then to_timestamp(('x' || left(replace(t.high, '-', ''), 12))::bit(48)::bigint / 1000.0)
          when t.high !~ 'infinity' then t.high::timestamptz end as ends
      from texts t
    ),
    ranges as (
      select t.parent, max(t.ends) as ends, count(*) filter (where t.begins > clock_timestamp()) as ahead,
        bool_or(t.bound ~ 'TO \\(MAXVALUE\\)' or t.high ~ 'infinity') as is_open,
        (array_agg(extract(epoch from t.ends - t.begins) order by t.ends desc) filter (where t.begins is not null and t.ends is not null))[1] as width,
        max(pg_stat_get_live_tuples(t.oid)) filter (where t.bound = 'DEFAULT') as default_rows
      from times t
      group by t.parent
      having not bool_or(t.is_uuid and (t.ends < '2000-01-01' or t.ends > '2200-01-01' or t.begins < '2000-01-01' or t.begins > '2200-01-01'))
    )
    select current_database() as datname, n.nspname as schemaname, c.relname,
      case when not coalesce(r.is_open, false) then extract(epoch from r.ends - clock_timestamp())::float8 end as lead_seconds,
      r.ahead as lead_partitions, r.width::float8 as width_seconds, r.default_rows
    from ranges r join pg_class c on c.oid = r.parent join pg_namespace n on n.oid = c.relnamespace
    order by r.ends nulls last, c.oid
    limit $1::int`,
}
