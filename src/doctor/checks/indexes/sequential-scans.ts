import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly rows: number
  readonly scans: number
  readonly read: number
  readonly indexScans: number
}

/** Scans below which reports may be the reason. */
const SCANS_MIN = 100

/** X8: large tables that are often read as a whole. */
export const sequentialScans = defineCheck<Row>({
  id: 'sequential-scans',
  title: 'Large tables that are often read as a whole',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'A sequential scan is right when a query needs much of a table. When it throws away nearly all rows, an index would save the work.',
  when: 'A table was scanned 100 times and more, reading more than sequentialRows rows each time on average, and more often than by all of its indexes.',
  advice:
    'Find the statements, and look at "Rows Removed by Filter" in their plans (EXPLAIN ANALYZE). Only where most rows are removed an index helps.',
  uses: ['sequentialRows'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', s.relid::regclass, 'rows', s.n_live_tup, 'scans', s.seq_scan,
        'read', s.seq_tup_read, 'indexScans', coalesce(s.idx_scan, 0)) order by s.seq_tup_read desc)
        filter (where s.seq_scan >= 100 and s.seq_scan > coalesce(s.idx_scan, 0)) as found
    from pg_stat_user_tables s`,
  evaluate: (rows, { thresholds: { sequentialRows } }) =>
    rows
      .filter(
        ({ scans, read, rows: size }) => scans >= SCANS_MIN && read / scans > sequentialRows && size > sequentialRows,
      )
      .map(({ table, scans, read, indexScans }) => ({
        object: `table ${table}`,
        summary: `${table} was read as a whole ${count(scans)} times, ${count(read / scans)} rows each time, and by an index ${count(indexScans)} times.`,
        remedy: {
          text: 'Look at the plans of the statements that read it: an index helps where most rows are removed by a filter.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
