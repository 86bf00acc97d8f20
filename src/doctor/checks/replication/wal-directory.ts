import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Row {
  readonly files: number
  readonly bytes: number
  readonly max: number
  readonly keep: number
}

/** Q12: does something keep the WAL? */
export const walDirectory = defineCheck<Row>({
  id: 'wal-directory',
  title: 'WAL that piles up',
  area: 'replication',
  level: 'warning',
  order: ORDER.data,
  needs: { rights: 'pg_monitor' },
  scope: 'servers',
  absent: '',
  why: 'WAL that a slot, a failing archiver or wal_keep_size keeps fills the disk; then the server stops.',
  when: 'pg_wal is larger than walDirectoryShare times max_wal_size plus wal_keep_size.',
  advice: 'Look at inactive slots and the archiver. Never delete files from pg_wal.',
  uses: ['walDirectoryShare'],
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('files', count(*), 'bytes', sum(w.size),
      'max', (select s.setting::float8 * 1024 ^ 2 from pg_settings s where s.name = 'max_wal_size'),
      'keep', (select s.setting::float8 * 1024 ^ 2 from pg_settings s where s.name = 'wal_keep_size'))) as found
    from pg_ls_waldir() w`,
  evaluate: (rows, { thresholds: { walDirectoryShare } }) =>
    rows
      .filter(({ bytes: size, max, keep }) => size > walDirectoryShare * max + keep)
      .map(({ files, bytes: size, max }) => ({
        object: 'pg_wal',
        summary: `pg_wal holds ${bytes(size)} in ${count(files)} files; max_wal_size is ${bytes(max)}.`,
        remedy: {
          text: 'Find what keeps it: a slot without a reader, a failing archiver, or a checkpoint that cannot keep up.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
