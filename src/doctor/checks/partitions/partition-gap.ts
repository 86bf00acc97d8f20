import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly parent: string
  readonly from: string
  readonly to: string
}

/** 2.9: ranges that no partition takes. */
export const partitionGap = defineCheck<Row>({
  id: 'partition-gap',
  title: 'Gaps between partitions',
  area: 'partitions',
  level: 'info',
  order: ORDER.structure,
  scope: 'tables partitioned by range',
  absent: 'no table is partitioned by ranges of one column',
  why: 'Rows of a range that no partition takes are refused, or go to the default partition.',
  when: 'One range ends and the next begins later.',
  advice: 'Create the partition between them, unless nothing will ever fall into it.',
  sql: `
    with bounds as (
      select i.inhparent as parent, a.atttypid,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''?([^'')]+)''?\\)') as low,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''?([^'')]+)''?\\)') as high
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid
      where p.partstrat = 'r' and p.partnatts = 1
    ),
    ordered as (
      select b.parent, b.low, lag(b.high) over (partition by b.parent order by
          case when b.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) then extract(epoch from b.low::timestamptz)
            when b.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) then b.low::numeric end,
          b.low) as before
      from bounds b where b.low <> 'MINVALUE' and b.high <> 'MAXVALUE'
    )
    select (select count(distinct b.parent) from bounds b)::int as total, (select count(distinct b.parent) from bounds b)::int as examined,
      jsonb_agg(jsonb_build_object('parent', o.parent::regclass, 'from', o.before, 'to', o.low) order by o.parent::regclass::text, o.low) as found
    from ordered o where o.before <> o.low`,
  evaluate: (rows) =>
    rows.map(({ parent, from, to }) => ({
      object: `table ${parent} from ${from}`,
      summary: `${parent} has no partition from ${from} to ${to}.`,
      remedy: {
        text: 'Create it, when rows may fall into it.',
        lock: 'access exclusive on the parent, for a moment',
        undo: 'detach and drop it',
      },
    })),
})
