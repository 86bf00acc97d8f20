import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly passes: number
  readonly phase: string
  readonly done: number
  readonly memory: number
}

/** A16: vacuums whose memory for dead rows is too small. */
export const vacuumPasses = defineCheck<Row>({
  id: 'vacuum-passes',
  title: 'Vacuums that read the indexes several times',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.settings,
  scope: 'vacuums that run',
  absent: 'no vacuum runs now',
  why: 'When the dead rows do not fit into its memory, vacuum reads all indexes of the table again for each further part.',
  when: 'A vacuum that runs has gone through the indexes more than once.',
  advice:
    'Raise autovacuum_work_mem (maintenance_work_mem for a manual vacuum). Before PostgreSQL 17 more than 1 GB has no effect.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', p.relid::regclass, 'passes', p.index_vacuum_count, 'phase', p.phase,
        'done', p.heap_blks_scanned::float8 / greatest(p.heap_blks_total, 1),
        'memory', (select case when a.setting = '-1' then m.setting else a.setting end::float8 * 1024
          from pg_settings a, pg_settings m where a.name = 'autovacuum_work_mem' and m.name = 'maintenance_work_mem')))
        filter (where p.index_vacuum_count > 1) as found
    from pg_stat_progress_vacuum p where p.datname = current_database()`,
  evaluate: (rows) =>
    rows.map(({ table, passes, phase, done, memory }) => ({
      object: `table ${table}`,
      summary: `The vacuum of ${table} has gone through its indexes ${passes} times (${phase}, ${percent(done)} of the table read).`,
      evidence: [`memory for dead rows: ${bytes(memory)}`],
      remedy: {
        text: 'Double autovacuum_work_mem, when all workers at once have room in memory; this vacuum keeps what it has.',
        lock: 'none',
        undo: 'alter system reset autovacuum_work_mem, then reload',
      },
    })),
})
