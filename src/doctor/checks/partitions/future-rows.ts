import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly parent: string
  readonly rows: number
  readonly from: string
  readonly partitions: readonly string[]
}

/** 2.9: rows that are dated far ahead. */
export const futureRows = defineCheck<Row>({
  id: 'future-rows',
  title: 'Rows in partitions of the future',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  scope: 'partitions of time that begin later than tomorrow',
  absent: 'no partition of time begins later than tomorrow',
  why: 'A wrong clock or a wrong unit, such as milliseconds for seconds, dates rows into the future. Statements for what is new then find them first, and retention by dropping partitions does not reach them for years.',
  when: 'A partition of a range of time that begins more than a day from now holds rows, by statistics.',
  advice: 'Find who writes them, correct the times, and let a CHECK refuse what is too far ahead.',
  // Materialised: the bounds of keys that are no times must not be read as times, whatever the planner would look at first.
  sql: `
    with bounds as materialized (
      select i.inhparent as parent, c.oid, c.reltuples,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''([^'']+)''\\)') as low
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid and c.relkind = 'r'
      where p.partstrat = 'r' and p.partnatts = 1 and a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    ),
    ahead as (
      select b.*, greatest(b.reltuples, s.n_live_tup, 0) as rows
      from bounds b left join pg_stat_all_tables s on s.relid = b.oid
      where b.low is not null and b.low::timestamptz > now() + interval '1 day'
    )
    select count(*)::int as total, count(*)::int as examined,
      (select jsonb_agg(jsonb_build_object('parent', g.parent::regclass, 'rows', g.rows, 'from', g.low, 'partitions', g.names) order by g.parent::regclass::text)
        from (select f.parent, sum(f.rows) as rows, to_char(min(f.low::timestamptz) at time zone 'UTC', 'YYYY-MM-DD') as low,
            jsonb_agg(f.oid::regclass order by f.low::timestamptz) as names
          from ahead f where f.rows > 0 group by f.parent) g) as found
    from ahead a`,
  evaluate: (rows) =>
    rows.map(({ parent, rows: size, from, partitions }) => ({
      object: `table ${parent}`,
      summary: `About ${counted(size, 'row')} of ${parent} ${Math.round(size) === 1 ? 'is' : 'are'} dated ahead, at ${from} and later.`,
      evidence: partitions.slice(0, 5),
      remedy: {
        text: 'Look at these rows; correct their times by an update of the key, which moves them into the right partition.',
        lock: 'row locks on the rows that move',
        undo: 'update them back',
      },
    })),
})
