import { shortTime } from '../amounts.js'
import { lockTree } from '../lock-tree.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly pid: number
  readonly blockers: readonly number[]
  readonly user: string | null
  readonly state: string | null
  readonly query: string | null
  readonly begun: string | null
  readonly transaction: number | null
  readonly waited: number | null
  readonly mode: string | null
  readonly target: string | null
}

interface Shown extends ShownRow {
  readonly pid: number
  readonly blockers: readonly number[]
  readonly behind: number
  readonly isCycle: boolean
  readonly user: string
  readonly waited: number | null
  /** The lock that it waits for; of a root, what it does. */
  readonly lock: string
  readonly query: string
  readonly begun: string | null
}

/** Who waits for whom, as a tree. */
export const locks = definePanel<Row, Shown>({
  id: 'locks',
  key: 'l',
  title: 'who waits for whose lock, as a tree',
  blind: 'what sessions of others wait for is not seen: grant pg_monitor to this login',
  empty: 'nobody waits for a lock',
  sources: [
    {
      name: 'pg_locks',
      sql: `
    with sessions as materialized (
      select a.*, case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid) else '{}' end as blockers
      from pg_stat_activity a where a.pid <> pg_backend_pid()
    ),
    named as (select s.pid from sessions s where cardinality(s.blockers) > 0 union select unnest(s.blockers) from sessions s)
    select n.pid, coalesce(s.blockers, '{}') as blockers, s.usename as user, s.state, left(s.query, 2000) as query, s.backend_start::text as begun,
      extract(epoch from clock_timestamp() - s.xact_start) as transaction, extract(epoch from clock_timestamp() - l.waitstart) as waited, l.mode,
      case when l.relation is null then l.locktype when l.database = (select d.oid from pg_database d where d.datname = current_database())
        then l.relation::regclass::text else 'relation ' || l.relation || ' of another database' end as target
    from named n left join sessions s on s.pid = n.pid
      left join lateral (select k.* from pg_locks k where k.pid = n.pid and not k.granted limit 1) l on true
    order by n.pid`,
    },
  ],
  columns: [
    { id: 'session', title: 'session', width: 16, cell: ({ pid }) => (pid === 0 ? 'prepared' : String(pid)) },
    { id: 'user', title: 'user', width: 8, drop: 3, cell: ({ user }) => user },
    { id: 'since', title: 'since', width: 6, align: 'right', cell: ({ waited }) => shortTime(waited) },
    {
      id: 'behind',
      title: 'behind',
      width: 6,
      align: 'right',
      drop: 2,
      cell: ({ behind }) => (behind === 0 ? '' : String(behind)),
    },
    { id: 'lock', title: 'lock', width: 24, drop: 1, cell: ({ lock }) => lock },
    { id: 'query', title: 'query', width: 12, grows: true, cell: ({ query }) => query },
  ],
  view({ now }) {
    const byPid = new Map(now.rows.map((row) => [row.pid, row]))
    const rows = lockTree(now.rows).map(({ pid, depth, others, behind, isCycle }) => {
      const row = byPid.get(pid)
      const waits = row !== undefined && row.blockers.length > 0
      const also = others.length === 0 || isCycle ? '' : ` (and ${others.join(', ')})`
      const lock = waits
        ? `${isCycle ? 'in a cycle: ' : ''}${(row.mode ?? '').replace(/Lock$/, '')} on ${row.target ?? '?'}${also}`
        : pid === 0
          ? 'a prepared transaction: see pg_prepared_xacts'
          : (row?.state ?? 'its state is not seen')
      return {
        key: String(pid),
        pid,
        depth,
        behind,
        isCycle,
        lock,
        blockers: row?.blockers ?? [],
        user: row?.user ?? '',
        // How long it has waited; of a root, how old its transaction is.
        waited: waits ? row.waited : (row?.transaction ?? null),
        query: row?.query ?? '',
        begun: row?.begun ?? null,
        mark: isCycle ? ('critical' as const) : depth === 0 ? ('warning' as const) : ('none' as const),
      }
    })
    return { rows, notes: now.refused }
  },
  target: ({ pid, begun }) => (pid === 0 ? undefined : { kind: 'session', pid, begun }),
})
