import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'

interface Row {
  readonly parent: string
  readonly ends: string
  readonly width: number
  readonly left: number
  readonly fallback: boolean
  readonly inserts: number
}

/** Widths after the end of which a table counts as one that gets no new rows. */
export const RETIRED_WIDTHS = 6

/** 2.9: will there be a partition for what comes next? */
export const nextPartition = defineCheck<Row>({
  id: 'next-partition',
  title: 'The next partition is missing',
  area: 'partitions',
  level: 'error',
  order: ORDER.structure,
  scope: 'tables partitioned by time',
  absent: 'no table is partitioned by ranges of time',
  why: 'When the last partition is over, every insert fails; or goes to the default partition, where it then stands in the way of the partition that is missing.',
  when: 'The last range has ended (error), or less than one more range is left (warning). A table whose last range ended long ago counts as retired (info).',
  advice:
    'Create partitions from a schedule, some ranges ahead: pg_partman, or a job of your own. Ranges are in the time zone in which they were written.',
  sql: `
    with bounds as (
      select i.inhparent as parent, c.oid,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''([^'']+)''\\)') as low,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([^'']+)''\\)') as high,
        pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid
      where p.partstrat = 'r' and p.partnatts = 1 and a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    ),
    ranges as (
      select b.parent, max(b.high::timestamptz) as ends, bool_or(b.bound = 'DEFAULT') as fallback, bool_or(b.bound ~ 'TO \\(MAXVALUE\\)') as open,
        (array_agg(extract(epoch from b.high::timestamptz - b.low::timestamptz) order by b.high::timestamptz desc) filter (where b.low is not null and b.high is not null))[1] as width
      from bounds b group by b.parent
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('parent', r.parent::regclass, 'ends', to_char(r.ends at time zone 'UTC', 'YYYY-MM-DD HH24:MI"Z"'),
        'width', r.width, 'left', extract(epoch from r.ends - now()), 'fallback', r.fallback) order by r.ends)
        filter (where not r.open and r.ends is not null and r.ends < now() + coalesce(r.width, 0) * interval '1 second') as found
    from ranges r`,
  evaluate: (rows) =>
    rows.map(({ parent, ends, width, left, fallback }) => {
      const retired = left < -RETIRED_WIDTHS * width
      return {
        object: `table ${parent}`,
        level: retired ? ('info' as const) : left < 0 ? ('error' as const) : ('warning' as const),
        summary:
          left < 0
            ? `The last partition of ${parent} ended at ${ends}${retired ? ', long ago' : fallback ? ': new rows go to the default partition' : ': inserts of now fail'}.`
            : `The last partition of ${parent} ends at ${ends}, in ${duration(left)}; each spans ${duration(width)}.`,
        remedy: {
          text: `Create the next partitions of ${parent}, and let a schedule do so from now on. Creating one detached, with a CHECK that fits, then attaching it, locks others least.`,
          lock: 'create table … partition of: access exclusive on the parent for a moment; attach partition: share update exclusive',
          undo: 'detach and drop the new partition while it is empty',
        },
      }
    }),
})
