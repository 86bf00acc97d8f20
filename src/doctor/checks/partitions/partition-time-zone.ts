import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly zone: string
  /** Minutes after midnight, by UTC, at which partitions of whole days begin, with how many do and the newest of them. */
  readonly starts: readonly { minute: number; partitions: number; newest: string }[]
  /** How many begin at midnight by the time zone of the session. */
  readonly local: number
}

const HOUR = 60
const DAY = 24 * HOUR

/** 2.9: bounds of partitions that were written in different time zones. */
export const partitionTimeZone = defineCheck<Row>({
  id: 'partition-time-zone',
  title: 'Partitions whose days begin at different times',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  scope: 'tables partitioned by timestamptz',
  absent: 'no table is partitioned by ranges of timestamptz',
  why: "A bound like '2026-01-01' is midnight in the time zone of the session that creates the partition. Where jobs and people have different ones, partitions overlap or leave gaps, creating the next one fails, and retention drops hours too many.",
  when: 'Partitions of whole days begin at different times of the day, by UTC, that summer time does not explain (warning), or that it does (info).',
  advice:
    'Write bounds with their zone (2026-01-01 00:00+00), or set the time zone in whatever creates them. What is there stays as it is; join old and new with one partition of odd length.',
  sql: `
    with bounds as (
      select i.inhparent as parent, c.oid,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''([^'']+)''\\)')::timestamptz as low,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([^'']+)''\\)')::timestamptz as high
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid
      where p.partstrat = 'r' and p.partnatts = 1 and a.atttypid = 'timestamptz'::regtype
    ),
    -- Summer time makes a day of 23 hours.
    days as (
      select b.parent, b.oid, b.low, extract(epoch from b.low at time zone 'UTC' - date_trunc('day', b.low at time zone 'UTC'))::int / 60 as minute,
        b.low = date_trunc('day', b.low) as is_local
      from bounds b where b.high - b.low >= interval '23 hours'
    ),
    starts as (
      select d.parent, d.minute, count(*) as partitions, (array_agg(d.oid::regclass::text order by d.low desc))[1] as newest,
        count(*) filter (where d.is_local) as local
      from days d group by d.parent, d.minute
    )
    select (select count(distinct b.parent) from bounds b)::int as total, (select count(distinct b.parent) from bounds b)::int as examined,
      (select jsonb_agg(to_jsonb(t) order by t.table) from (
        select s.parent::regclass::text as table, current_setting('TimeZone') as zone, sum(s.local) as local,
          jsonb_agg(jsonb_build_object('minute', s.minute, 'partitions', s.partitions, 'newest', s.newest) order by s.partitions desc, s.minute) as starts
        from starts s group by s.parent having count(*) > 1) t) as found`,
  evaluate: (rows) =>
    rows.map(({ table, zone, starts, local }) => {
      const all = starts.reduce((sum, { partitions }) => sum + partitions, 0)
      const [most, ...others] = starts
      const isSummer =
        local === all || (others.length === 1 && apart(most?.minute ?? 0, others[0]?.minute ?? 0) === HOUR)
      return {
        object: `table ${table}`,
        level: isSummer ? ('info' as const) : ('warning' as const),
        summary: isSummer
          ? `Partitions of ${table} begin at midnight of a zone with summer time${local === all ? `, ${zone}` : ''}.`
          : `Partitions of ${table} begin at ${starts.length} different times of the day.`,
        evidence: starts.map(
          ({ minute, partitions, newest }) => `${clockOf(minute)} UTC: ${partitions}, the newest is ${newest}`,
        ),
        remedy: {
          text: isSummer
            ? 'Let whatever creates and drops partitions use that time zone always; a job by UTC would leave an hour without.'
            : 'Write the bounds of the next partitions with their zone; bridge the hours between with a partition of odd length.',
          lock: 'none for partitions to come',
          undo: 'none needed',
        },
      }
    }),
})

/** Minutes between two times of the day. */
const apart = (a: number, b: number) => Math.min(Math.abs(a - b), DAY - Math.abs(a - b))

const clockOf = (minute: number) =>
  `${String(Math.floor(minute / HOUR)).padStart(2, '0')}:${String(minute % HOUR).padStart(2, '0')}`
