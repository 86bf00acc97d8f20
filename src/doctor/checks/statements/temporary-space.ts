import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, duration } from '../../figures.js'

interface Row {
  readonly files: number
  readonly bytes: number
  readonly left: number
  readonly leftBytes: number
  readonly oldest: number | null
}

/** Q12: temporary files that are there now. */
export const temporarySpace = defineCheck<Row>({
  id: 'temporary-space',
  title: 'Temporary files on the disk now',
  area: 'statements',
  level: 'warning',
  order: ORDER.blocking,
  needs: { rights: 'pg_monitor' },
  scope: 'servers',
  absent: '',
  why: 'A sort or hash that runs away fills the disk for everybody. Files of sessions that crashed stay until the server is started again.',
  when: 'Temporary files of the default tablespace take temporaryMb and more; or there are some of processes that no longer exist (info).',
  advice:
    'Find the statement: log_temp_files, or the sessions that wait for BufFileWrite. temp_file_limit ends a session that writes more.',
  uses: ['temporaryMb'],
  sql: `
    with files as (
      -- pgsql_tmpPID.N, and a directory pgsql_tmpPID.N.fileset for workers.
      select t.size, t.modification, substring(t.name from '^pgsql_tmp([0-9]+)')::int as pid from pg_ls_tmpdir() t
    ),
    judged as (select f.*, f.pid is not null and not exists (select from pg_stat_activity a where a.pid = f.pid) as orphan from files f)
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('files', count(*), 'bytes', coalesce(sum(j.size), 0),
      'left', count(*) filter (where j.orphan), 'leftBytes', coalesce(sum(j.size) filter (where j.orphan), 0),
      'oldest', extract(epoch from clock_timestamp() - min(j.modification) filter (where j.orphan)))) as found
    from judged j`,
  evaluate: ([row], { thresholds: { temporaryMb } }) => [
    ...(row === undefined || row.bytes < temporaryMb * 1024 ** 2
      ? []
      : [
          {
            object: 'temporary files now',
            summary: `${count(row.files)} temporary files take ${bytes(row.bytes)} now.`,
            remedy: {
              text: 'Find the session that writes them, and end its statement when nobody needs it; limit the role by temp_file_limit.',
              lock: 'none',
              undo: 'none needed',
            },
          },
        ]),
    ...(row === undefined || row.left === 0 || (row.oldest ?? 0) < 60
      ? []
      : [
          {
            object: 'temporary files left behind',
            level: 'info' as const,
            summary: `${count(row.left)} temporary files (${bytes(row.leftBytes)}) belong to processes that are gone, since ${duration(row.oldest ?? 0)}.`,
            remedy: {
              text: 'The next start of the server removes them.',
              lock: 'none; a restart ends all sessions',
              undo: 'none needed',
            },
          },
        ]),
  ],
})
