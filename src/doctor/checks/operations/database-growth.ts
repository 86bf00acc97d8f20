import { defineCheck, ORDER } from '../../check.js'
import { daysLeft, filling } from '../../disk.js'
import { bytes, duration, percent } from '../../figures.js'

interface Row {
  readonly bytes: number
}

/** Q12: how the databases grew since the baseline. */
export const databaseGrowth = defineCheck<Row>({
  id: 'database-growth',
  title: 'Databases that fill the disk',
  area: 'operations',
  level: 'error',
  order: ORDER.data,
  needs: { fact: 'baseline' },
  scope: 'databases',
  absent: '',
  blind: 'the login may not connect to the others: grant pg_read_all_stats to it',
  why: 'A server whose disk is full stops. SQL tells the size of databases and never what a disk has free: give that by --disk-free. Growth takes two looks: the baseline has the first.',
  when: 'At the pace since the baseline, of an hour ago and more, --disk-free is used up in diskDays (warning) or a day (error). Without --disk-free: the databases grew by growthShare of their size in a day, on average (info).',
  advice:
    'See which tables grow, by their size now and in a week. Drop old partitions, let vacuum come sooner, or get a larger disk in time: not every kind of storage grows in a minute.',
  uses: ['diskDays', 'growthShare'],
  sql: `
    select count(*)::int as total, count(x.size)::int as examined, jsonb_build_array(jsonb_build_object('bytes', sum(x.size))) as found
    from (select case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end::float8 as size
      from pg_database d where d.datallowconn) x`,
  evaluate: ([row], { server, baseline, diskFreeBytes, thresholds: { diskDays, growthShare } }) => {
    if (row === undefined || baseline?.bytes === undefined) return []
    const seconds = (server.now.getTime() - baseline.writtenAt.getTime()) / 1000
    if (seconds < 3600) return []
    const perDay = ((row.bytes - baseline.bytes) / seconds) * 86_400
    const days = daysLeft(diskFreeBytes, perDay)
    const level = filling(days, diskDays) ?? (perDay >= growthShare * baseline.bytes ? 'info' : undefined)
    if (level === undefined || perDay <= 0) return []
    return [
      {
        object: 'databases',
        level,
        summary: `The databases (${bytes(row.bytes)}) grew by ${bytes(perDay)} a day over ${duration(seconds)}, ${percent(perDay / baseline.bytes)}${days === undefined ? '' : `: what is free lasts ${duration(days * 86_400)}`}.`,
        remedy: {
          text: 'Find the tables that grow; drop what is no longer needed, or enlarge the disk.',
          lock: 'none',
          undo: 'none needed',
        },
      },
    ]
  },
})
