import { defineCheck, ORDER } from '../../check.js'
import { count, duration } from '../../figures.js'

interface Row {
  readonly wal: string
  readonly failed: number
  readonly since: number
}

/** Q11: WAL that is not archived. */
export const archiverFailing = defineCheck<Row>({
  id: 'archiver-failing',
  title: 'The WAL is not archived',
  area: 'replication',
  level: 'error',
  order: ORDER.data,
  scope: 'archivers',
  absent: 'archive_mode is off',
  why: 'Without the WAL a backup can be restored to the last archived moment only; and what cannot be archived stays, until the disk is full.',
  when: 'The last attempt failed, and none has succeeded for archiverFailingS.',
  advice: 'Run archive_command by hand as the user of the server; the log has its output.',
  uses: ['archiverFailingS'],
  sql: `
    select case when current_setting('archive_mode') = 'off' then 0 else 1 end as total,
      case when current_setting('archive_mode') = 'off' then 0 else 1 end as examined,
      jsonb_agg(jsonb_build_object('wal', a.last_failed_wal, 'failed', a.failed_count,
        'since', extract(epoch from clock_timestamp() - coalesce(a.last_archived_time, a.stats_reset))))
        filter (where a.last_failed_time > coalesce(a.last_archived_time, '-infinity')) as found
    from pg_stat_archiver a`,
  evaluate: (rows, { thresholds: { archiverFailingS } }) =>
    rows
      .filter(({ since }) => since >= archiverFailingS)
      .map(({ wal, failed, since }) => ({
        object: 'archiver',
        summary: `Archiving fails at ${wal}; nothing was archived for ${duration(since)} (${count(failed)} failures).`,
        remedy: {
          text: 'Correct archive_command or its target; the archiver tries again by itself. Never delete files from pg_wal.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
