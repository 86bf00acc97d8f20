import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly database: string
  readonly failures: number
  readonly last: string
}

/** V9: pages that were found damaged. */
export const checksumFailure = defineCheck<Row>({
  id: 'checksum-failure',
  title: 'Damaged pages',
  area: 'settings',
  level: 'error',
  order: ORDER.data,
  scope: 'databases',
  absent: 'the cluster has no checksums',
  why: 'A page whose checksum is wrong was changed by something other than PostgreSQL: disk, controller, memory or file system.',
  when: 'A failure is counted in pg_stat_database.',
  advice:
    'Treat it as the loss of a disk: keep what there is, look at the log for the file and the block, and restore from a backup or switch to a standby that is sound.',
  sql: `
    select count(d.checksum_failures)::int as total, count(d.checksum_failures)::int as examined,
      jsonb_agg(jsonb_build_object('database', coalesce(d.datname, 'shared objects'), 'failures', d.checksum_failures,
        'last', d.checksum_last_failure)) filter (where d.checksum_failures > 0) as found
    from pg_stat_database d`,
  evaluate: (rows) =>
    rows.map(({ database, failures, last }) => ({
      object: `database ${database}`,
      summary: `${counted(failures, 'page')} of ${database} had a wrong checksum, last at ${last}.`,
      remedy: {
        text: 'Keep a copy of the data directory, find the file in the log, and restore it from a backup or a sound standby. Do not switch the check off.',
        lock: 'none',
        undo: 'none needed',
      },
    })),
})
