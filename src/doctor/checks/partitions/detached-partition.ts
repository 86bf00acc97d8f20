import { defineCheck, ORDER } from '../../check.js'
import { bytes, counted } from '../../figures.js'

interface Row {
  readonly parent: string
  readonly tables: readonly string[]
  readonly bytes: number
}

/** 2.9: partitions that were detached, and are still there. */
export const detachedPartition = defineCheck<Row>({
  id: 'detached-partition',
  title: 'Detached partitions that were left behind',
  area: 'partitions',
  level: 'info',
  order: ORDER.structure,
  scope: 'partitioned tables',
  absent: 'there are no partitioned tables',
  why: 'A partition that was detached for the archive is a table like any other: it takes its space, statements on the parent do not read it, and no retention reaches it.',
  when: 'A table has the columns of a partitioned table of its schema, and the name of a partition of it but for the digits.',
  advice:
    'Before it is dropped see that the archive has it: compare the number of rows and a checksum, and restore it once somewhere. Or attach it again.',
  sql: `
    with shapes as (
      select c.oid, c.relnamespace, c.relkind, c.relispartition, c.relpages, regexp_replace(c.relname, '[0-9]+', '#', 'g') as shape, c.relname,
        (select string_agg(a.attname || ' ' || a.atttypid, ',' order by a.attname) from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and c.relname ~ '[0-9]' and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select (select count(*) from pg_class c where c.relkind = 'p')::int as total, (select count(*) from pg_class c where c.relkind = 'p')::int as examined,
      (select jsonb_agg(jsonb_build_object('parent', g.parent::regclass, 'tables', g.names, 'bytes', g.bytes) order by g.parent::regclass::text)
        from (select x.parent, jsonb_agg(s.oid::regclass order by s.relname) as names, sum(s.relpages::float8) * 8192 as bytes
          from shapes s join (select k.relnamespace, k.shape, k.columns, min(i.inhparent) as parent from shapes k join pg_inherits i on i.inhrelid = k.oid
            where k.relispartition group by k.relnamespace, k.shape, k.columns) x using (relnamespace, shape, columns)
          where s.relkind = 'r' and not s.relispartition and not exists (select from pg_inherits i where i.inhrelid = s.oid)
          group by x.parent) g) as found`,
  evaluate: (rows) =>
    rows.map(({ parent, tables, bytes: size }) => ({
      object: `table ${parent}`,
      summary: `${counted(tables.length, 'table')} with the name and the columns of a partition of ${parent} ${tables.length === 1 ? 'is' : 'are'} not attached: ${bytes(size)}.`,
      evidence: tables.slice(0, 5),
      remedy: {
        text: 'Prove that the archive has it, by count, checksum and a restore, then drop it; or attach it again.',
        lock: 'drop table: access exclusive on that table alone',
        undo: 'restore it from the archive',
      },
    })),
})
