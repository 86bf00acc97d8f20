import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

const { table_size_bytes, index_size_bytes } = TABLE_METRICS.statistics

/**
 * The largest tables with their sizes. Measuring waits for a lock, so one that is locked right now is left out; the rest is told
 * by what the catalogue remembers.
 */
export const tableSizes: Source = {
  id: 'table-sizes',
  title: 'size of the largest tables and of their indexes',
  groups: [{ table_size_bytes, index_size_bytes }],
  isLimited: true,
  sql: `
    with sized as (
      select c.oid, n.nspname, c.relname, c.relpages + coalesce(t.relpages, 0) as pages, coalesce(i.pages, 0) as index_pages,
        row_number() over (order by c.relpages + coalesce(t.relpages, 0) + coalesce(i.pages, 0) desc, c.oid) as place
      from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid = c.reltoastrelid
      left join (select x.indrelid, sum(k.relpages) as pages from pg_index x join pg_class k on k.oid = x.indexrelid group by 1) i on i.indrelid = c.oid
      where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%'
    )
    select current_database() as datname, s.nspname as schemaname, s.relname, pg_table_size(s.oid)::float8 as table_size_bytes,
      pg_indexes_size(s.oid)::float8 as index_size_bytes
    from sized s
    where s.place <= $1::int and not exists (
      select from pg_locks l where l.mode = 'AccessExclusiveLock' and l.locktype = 'relation'
        and (l.relation = s.oid or l.relation in (select x.indexrelid from pg_index x where x.indrelid = s.oid)))
    union all
    select current_database(), 'other', 'other', sum(s.pages)::float8 * current_setting('block_size')::int,
      sum(s.index_pages)::float8 * current_setting('block_size')::int
    from sized s where s.place > $1::int having count(*) > 0`,
}
