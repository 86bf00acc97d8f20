import { short, shortShare, shortTime } from '../amounts.js'
import { perSecond, shareOf } from '../difference.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly pid: number
  readonly command: string
  readonly target: string | null
  readonly phase: string | null
  readonly done: number | null
  readonly total: number | null
  readonly unit: string
  readonly seconds: number | null
  readonly begun: string | null
}

interface Shown extends ShownRow, Row {
  readonly share: number | null
  /** Seconds that this phase still takes at the pace since the last look. */
  readonly left: number | null
}

/** Long commands, by how far they are. */
export const progress = definePanel<Row, Shown>({
  id: 'progress',
  key: 'g',
  title: 'vacuum, create index, copy, base backups: how far they are',
  blind: 'commands of others are not seen: grant pg_monitor to this login',
  empty: 'no command runs that tells its progress',
  sources: [
    {
      name: 'progress',
      sql: `
    select p.*, extract(epoch from clock_timestamp() - coalesce(a.query_start, a.xact_start, a.backend_start)) as seconds, a.backend_start::text as begun
    from (
      select v.pid, case when a.backend_type = 'autovacuum worker' then 'autovacuum' else 'vacuum' end as command, v.datid, v.relid, v.phase,
        case when v.phase = 'scanning heap' then v.heap_blks_scanned when v.phase like 'vacuuming heap%' then v.heap_blks_vacuumed end as done,
        v.heap_blks_total as total, 'blocks' as unit
      from pg_stat_progress_vacuum v left join pg_stat_activity a using (pid)
      union all
      select z.pid, 'analyze', z.datid, z.relid, z.phase, z.sample_blks_scanned, z.sample_blks_total, 'blocks' from pg_stat_progress_analyze z
      union all
      select i.pid, lower(i.command), i.datid, i.relid, i.phase, case when i.tuples_total > 0 then i.tuples_done when i.blocks_total > 0 then i.blocks_done
          else i.lockers_done end, case when i.tuples_total > 0 then i.tuples_total when i.blocks_total > 0 then i.blocks_total else i.lockers_total end,
        case when i.tuples_total > 0 then 'rows' when i.blocks_total > 0 then 'blocks' else 'lockers' end
      from pg_stat_progress_create_index i
      union all
      select c.pid, lower(c.command), c.datid, c.relid, lower(c.type), c.bytes_processed, c.bytes_total, 'bytes' from pg_stat_progress_copy c
      union all
      select k.pid, lower(k.command), k.datid, k.relid, k.phase, k.heap_blks_scanned, k.heap_blks_total, 'blocks' from pg_stat_progress_cluster k
      union all
      select b.pid, 'base backup', null, null, b.phase, b.backup_streamed, b.backup_total, 'bytes' from pg_stat_progress_basebackup b
    ) q
      cross join lateral (select q.pid, q.command, q.phase, q.done, q.total, q.unit, case when q.relid is null or q.relid = 0 then null
        when q.datid = (select d.oid from pg_database d where d.datname = current_database()) then q.relid::regclass::text
        else (select d.datname from pg_database d where d.oid = q.datid) || ': relation ' || q.relid end as target) p
      left join pg_stat_activity a on a.pid = p.pid
    where p.pid <> pg_backend_pid()`,
    },
  ],
  columns: [
    {
      id: 'pid',
      title: 'pid',
      width: 7,
      align: 'right',
      drop: 2,
      cell: ({ pid }) => String(pid),
      sort: ({ pid }) => pid,
    },
    { id: 'command', title: 'command', width: 13, cell: ({ command }) => command, sort: ({ command }) => command },
    {
      id: 'target',
      title: 'of',
      width: 14,
      grows: true,
      cell: ({ target }) => target ?? '',
      sort: ({ target }) => target,
    },
    { id: 'phase', title: 'phase', width: 16, drop: 1, cell: ({ phase }) => phase ?? '?', sort: ({ phase }) => phase },
    {
      id: 'done',
      title: 'done%',
      width: 5,
      align: 'right',
      cell: ({ share }) => shortShare(share),
      sort: ({ share }) => share,
    },
    {
      id: 'amount',
      title: 'of all',
      width: 11,
      drop: 3,
      align: 'right',
      cell: ({ total, unit }) => ((total ?? 0) === 0 ? '-' : `${short(total)} ${unit}`),
    },
    {
      id: 'time',
      title: 'time',
      width: 6,
      align: 'right',
      cell: ({ seconds }) => shortTime(seconds),
      sort: ({ seconds }) => seconds,
    },
    {
      id: 'left',
      title: 'left',
      width: 6,
      align: 'right',
      drop: 4,
      cell: ({ left }) => shortTime(left),
      sort: ({ left }) => left,
    },
  ],
  sorted: { by: 'time', descending: true },
  view({ now, before }) {
    const first = new Map(before?.rows.map((row) => [row.pid, row]))
    const rows = now.rows.map((row): Shown => {
      const { pid, phase, done, total, unit } = row
      const earlier = first.get(pid)
      const isSame = earlier?.phase === phase && earlier?.unit === unit && earlier?.total === total
      const gained = isSame ? (done ?? 0) - (earlier?.done ?? 0) : 0
      const pace = before === undefined ? null : perSecond(gained, now.at - before.at)
      const missing = (total ?? 0) - (done ?? 0)
      return {
        ...row,
        key: String(pid),
        share: done === null ? null : shareOf(done, total ?? 0),
        left: pace !== null && pace > 0 && done !== null && missing >= 0 ? missing / pace : null,
      }
    })
    return { rows, notes: now.refused }
  },
  target: ({ pid, begun }) => ({ kind: 'session', pid, begun }),
})
