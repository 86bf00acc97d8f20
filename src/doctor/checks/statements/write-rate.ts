import { defineCheck, ORDER } from '../../check.js'
import { daysLeft, filling } from '../../disk.js'
import { bytes, duration } from '../../figures.js'

interface Row {
  readonly databases: number
  readonly wal: number
  readonly temporary: number
}

/** Q7, Q8 and Q12: what is written while the server is watched. */
export const writeRate = defineCheck<Row>({
  id: 'write-rate',
  title: 'What is being written now',
  area: 'statements',
  level: 'error',
  order: ORDER.data,
  depth: 'sample',
  scope: 'servers',
  absent: '',
  why: 'Databases, WAL and temporary files share the disks. What is written in a minute tells of this minute alone: a load of data looks like a disaster, and the night like peace. SQL never tells what a disk has free: give it by --disk-free.',
  when: 'While sampling, the databases grew so fast that --disk-free would be used up in diskDays (warning) or a day (error); or temporary files were written at a pace of temporaryMbPerHour (warning); or so much WAL that max_wal_size is full in less than half of checkpoint_timeout (info): checkpoints come early then.',
  advice:
    'Growth: see which tables. Temporary files: find the statement by log_temp_files. WAL: raise max_wal_size, so that a checkpoint comes by time.',
  uses: ['diskDays', 'temporaryMbPerHour'],
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object(
      'databases', (select sum(pg_database_size(d.oid))::float8 from pg_database d
        where d.datallowconn and (has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage'))),
      'wal', case when pg_is_in_recovery() then 0 else pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 end,
      'temporary', (select sum(s.temp_bytes)::float8 from pg_stat_database s))) as found`,
  evaluate: (
    [row],
    { before: [first], seconds, server, diskFreeBytes, thresholds: { diskDays, temporaryMbPerHour } },
  ) => {
    const begun = first as Row | undefined
    if (row === undefined || begun === undefined) return []
    const per = (name: keyof Row) => Math.max(0, row[name] - begun[name]) / seconds
    const [growth, wal, temporary] = [per('databases'), per('wal'), per('temporary')]
    const days = daysLeft(diskFreeBytes, growth * 86_400)
    const level = filling(days, diskDays)
    const size = Number(server.settings.max_wal_size) * 1024 ** 2
    const timeout = Number(server.settings.checkpoint_timeout)
    const none = { lock: 'none', undo: 'none needed' }
    return [
      ...(level === undefined || days === undefined
        ? []
        : [
            {
              object: 'databases',
              level,
              summary: `The databases grew by ${bytes(growth)} a second while watched: at this pace what is free lasts ${duration(days * 86_400)}.`,
              remedy: { text: 'See what is being loaded, and whether it ends in time.', ...none },
            },
          ]),
      ...(temporary * 3600 < temporaryMbPerHour * 1024 ** 2
        ? []
        : [
            {
              object: 'temporary files',
              level: 'warning' as const,
              summary: `Temporary files were written at ${bytes(temporary)} a second.`,
              remedy: { text: 'Find the statement by log_temp_files, and its plan.', ...none },
            },
          ]),
      ...(wal === 0 || size / wal >= timeout / 2
        ? []
        : [
            {
              object: 'WAL',
              level: 'info' as const,
              summary: `${bytes(wal)} of WAL a second fill max_wal_size (${bytes(size)}) in ${duration(size / wal)}; checkpoint_timeout is ${duration(timeout)}.`,
              remedy: {
                text: 'When this is usual, raise max_wal_size so that a checkpoint_timeout fits in; the disk has to have room for it.',
                lock: 'none; a reload',
                undo: 'set it back and reload',
              },
            },
          ]),
    ]
  },
})
