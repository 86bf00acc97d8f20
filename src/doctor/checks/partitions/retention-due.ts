import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, duration } from '../../figures.js'

interface Row {
  readonly table: string
  readonly partitions: readonly string[]
  readonly bytes: number
  readonly retention: string
  /** Seconds since the oldest should have gone. */
  readonly late: number
}

/** How late dropping may be before it is a finding, in seconds: a schedule may run once a week. */
const GRACE_S = 8 * 86_400

/** 2.9: partitions of pgfleet's tables that are kept beyond what was promised. */
export const retentionDue = defineCheck<Row>({
  id: 'retention-due',
  title: 'Partitions beyond their retention',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  needs: { relation: 'platform.partitioned_tables' },
  scope: 'tables with a stated retention',
  absent: 'no table has a stated retention',
  why: 'platform.partitioned_tables states how long rows are kept. A partition that is older takes space, and may hold what was promised to be gone.',
  when: 'The newest row that a partition can hold, by the time inside the UUIDv7 of its upper bound, is older than the retention of its table by more than eight days.',
  advice:
    'Let a schedule drop what has expired. What has to be kept is exported first, and the export compared by its number of rows and a checksum and restored once, before the partition is dropped.',
  sql: `
    with parts as (
      select to_regclass(format('%I.%I', r.schema_name, r.table_name)) as parent, r.retention, c.oid, c.relpages,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([0-9a-f-]{36})''\\)') as high
      from platform.partitioned_tables r
      join pg_inherits i on i.inhparent = to_regclass(format('%I.%I', r.schema_name, r.table_name)) join pg_class c on c.oid = i.inhrelid
    ),
    late as (
      select p.*, extract(epoch from now() - p.retention) - ('x' || lpad(left(replace(p.high, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0 as late
      from parts p where p.high is not null
    )
    select (select count(*) from platform.partitioned_tables)::int as total, (select count(*) from platform.partitioned_tables)::int as examined,
      (select jsonb_agg(jsonb_build_object('table', g.parent, 'partitions', g.names, 'bytes', g.bytes, 'retention', g.retention, 'late', g.late) order by g.parent::text)
        from (select l.parent, jsonb_agg(l.oid::regclass order by l.high) as names, sum(l.relpages::float8) * 8192 as bytes,
            min(l.retention)::text as retention, max(l.late) as late
          from late l where l.late > 0 group by l.parent) g) as found`,
  evaluate: (rows) =>
    rows
      .filter(({ late }) => late > GRACE_S)
      .map(({ table, partitions, bytes: size, retention, late }) => ({
        object: `table ${table}`,
        summary: `${count(partitions.length)} of ${table}’s partitions ${partitions.length === 1 ? 'is' : 'are'} beyond the retention of ${retention}, the oldest by ${duration(late)}: ${bytes(size)}.`,
        evidence: partitions.slice(0, 5),
        remedy: {
          text: 'Drop what has expired, of all tables with a stated retention; export first what has to be kept.',
          sql: [`set lock_timeout = '2s'`, 'select * from platform.drop_expired_partitions()', 'reset lock_timeout'],
          lock: 'access exclusive on the table and the partition, for a moment each',
          undo: 'restore them from a backup',
        },
      })),
})
