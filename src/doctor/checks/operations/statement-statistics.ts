import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly installed: boolean
  readonly preloaded: boolean
  readonly available: boolean
}

/** 2.11: can anybody tell which statements take the time? */
export const statementStatistics = defineCheck<Row>({
  id: 'statement-statistics',
  title: 'No statistics of statements',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'pg_stat_statements tells which statements take the time. Without it tuning is guessing, and several checks here cannot look.',
  when: 'The extension is not installed in this database, or its library is not loaded at the start.',
  advice:
    'Add it to shared_preload_libraries, beside what is there, restart, and create the extension. compute_query_id = auto is enough.',
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object(
      'installed', exists (select from pg_extension e where e.extname = 'pg_stat_statements'),
      'preloaded', current_setting('pg_stat_statements.max', true) is not null,
      'available', exists (select from pg_available_extensions a where a.name = 'pg_stat_statements'))) as found`,
  evaluate: ([row]) => {
    if (row === undefined || (row.installed && row.preloaded)) return []
    return [
      {
        object: 'extension pg_stat_statements',
        summary: row.preloaded
          ? 'pg_stat_statements is loaded, but not installed in this database.'
          : `pg_stat_statements is not loaded${row.available ? '' : ', and the packages do not have it'}.`,
        remedy: row.preloaded
          ? {
              text: 'Create the extension.',
              sql: ['create extension pg_stat_statements'],
              lock: 'none',
              undo: 'drop extension pg_stat_statements',
            }
          : {
              text: 'Add pg_stat_statements to shared_preload_libraries, beside what is there; restart, and create the extension.',
              lock: 'none; the restart ends all sessions',
              undo: 'take it out of shared_preload_libraries and restart',
            },
      },
    ]
  },
})
