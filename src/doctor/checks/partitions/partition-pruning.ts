import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly partitions: number
  readonly most: number
  readonly least: number
  readonly median: number
}

/** Scans of the partition that is read most, below which nothing is said. */
const SCANS_MIN = 1000
/** Least against most, above which statements seem to read all. */
const SHARE = 0.8

/** 2.9: do statements leave out partitions? */
export const partitionPruning = defineCheck<Row>({
  id: 'partition-pruning',
  title: 'Partitioned tables that are read as a whole',
  area: 'partitions',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables of eight partitions and more',
  absent: 'no table has eight partitions',
  why: 'Partitions by range pay when a statement names the key, so that it reads a few of them. When each is read as often as the others, most statements do not, and pay for opening all of them.',
  when: `Of a table in eight ranges or lists and more, the partition that was scanned least was scanned ${SHARE * 100} % as often as the one scanned most, ${SCANS_MIN.toLocaleString('en-US')} times and more, since the statistics were reset.`,
  advice:
    'Look at the plans of statements on it with pgfleet explain, and give them a condition on the key, by constants or parameters of its own type. A table that everybody reads as a whole needs fewer partitions.',
  sql: `
    with scans as (
      select i.inhparent as parent, s.seq_scan + coalesce(s.idx_scan, 0) as scans
      from pg_partitioned_table p join pg_inherits i on i.inhparent = p.partrelid join pg_stat_user_tables s on s.relid = i.inhrelid
      where p.partstrat in ('r', 'l')
    ),
    tables as (
      select s.parent, count(*) as partitions, max(s.scans) as most, min(s.scans) as least,
        percentile_cont(0.5) within group (order by s.scans) as median
      from scans s group by s.parent having count(*) >= 8
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.parent::regclass, 'partitions', t.partitions, 'most', t.most, 'least', t.least,
        'median', t.median) order by t.most * t.partitions desc) as found
    from tables t`,
  evaluate: (rows) =>
    rows
      .filter(({ most, least }) => most >= SCANS_MIN && least >= SHARE * most)
      .map(({ table, partitions, most, least, median }) => ({
        object: `table ${table}`,
        summary: `Each of the ${partitions} partitions of ${table} was scanned about ${count(median)} times, the least ${percent(least / most)} as often as the most: statements leave out none.`,
        remedy: { text: 'Let statements bound the partition key.', lock: 'none', undo: 'none needed' },
      })),
})
