import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, duration } from '../../figures.js'

interface Row {
  readonly files: number
  readonly bytes: number
  readonly seconds: number
}

/** Q7: sorts and hashes that did not fit into memory. */
export const temporaryFiles = defineCheck<Row>({
  id: 'temporary-files',
  title: 'Sorts and hashes on disk',
  area: 'statements',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'What does not fit into work_mem is written to files and read again: slower, and it takes the disk from others.',
  when: 'More temporary files were written in an hour, on average since the statistics were reset, than the threshold.',
  advice:
    'Log them (log_temp_files) to find the statements. Then a better index or less data helps first; raise work_mem for those statements alone.',
  uses: ['temporaryMbPerHour'],
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('files', d.temp_files, 'bytes', d.temp_bytes,
      'seconds', extract(epoch from clock_timestamp() - coalesce(d.stats_reset, pg_postmaster_start_time())))) filter (where d.temp_bytes > 0) as found
    from pg_stat_database d where d.datname = current_database()`,
  evaluate: (rows, { thresholds: { temporaryMbPerHour } }) =>
    rows
      .filter(({ bytes: size, seconds }) => (size / Math.max(seconds, 3600)) * 3600 >= temporaryMbPerHour * 1024 ** 2)
      .map(({ files, bytes: size, seconds }) => ({
        object: 'temporary files',
        summary: `${count(files)} temporary files with ${bytes(size)} were written in ${duration(seconds)}.`,
        remedy: {
          text: 'Log temporary files of 10 MB and more, then look at the statements that write them.',
          sql: [`alter system set log_temp_files = '10MB'`, 'select pg_reload_conf()'],
          lock: 'none',
          undo: 'alter system reset log_temp_files, then reload',
        },
      })),
})
