import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly enabled: boolean
}

/** V9: would a page that the disk has damaged be noticed? */
export const dataChecksums = defineCheck<Row>({
  id: 'data-checksums',
  title: 'Pages without checksums',
  area: 'settings',
  level: 'info',
  order: ORDER.advice,
  scope: 'clusters',
  absent: '',
  why: 'Without checksums a page that the storage has damaged is read as if nothing were wrong, and gets into the backups.',
  when: 'data_checksums is off. It is on by default in clusters that PostgreSQL 18 and newer make.',
  advice:
    'Switch them on with pg_checksums --enable while the server is stopped, on a standby first; it reads and writes everything once.',
  sql: `
    select 1 as total, 1 as examined,
      jsonb_build_array(jsonb_build_object('enabled', current_setting('data_checksums') = 'on')) as found`,
  evaluate: (rows) =>
    rows
      .filter(({ enabled }) => !enabled)
      .map(() => ({
        object: 'data_checksums',
        summary: 'The cluster was made without checksums of its pages.',
        remedy: {
          text: 'Stop the server, run pg_checksums --enable on its data directory, start it; or switch over to a standby where that was done.',
          lock: 'the server is stopped meanwhile',
          undo: 'pg_checksums --disable',
        },
      })),
})
