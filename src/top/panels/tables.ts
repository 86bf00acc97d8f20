import { short, shortShare, shortTime } from '../amounts.js'
import { gainedTogether, perSecond, shareOf } from '../difference.js'
import { definePanel, type ShownRow } from '../panel.js'

const COUNTERS = ['inserted', 'updated', 'deleted', 'hot', 'read'] as const
type Counter = (typeof COUNTERS)[number]

interface Row extends Readonly<Record<Counter, number>> {
  readonly oid: number
  readonly name: string
  readonly live: number
  readonly dead: number
  /** Seconds since autovacuum or a command last vacuumed it. */
  readonly vacuumed: number | null
  readonly phase: string | null
  readonly scanned: number | null
  readonly pages: number | null
}

interface Shown extends ShownRow {
  readonly oid: number
  readonly name: string
  readonly writesPerSecond: number | null
  readonly readsPerSecond: number | null
  /** Of the updates since the last look; of all where there were none. */
  readonly hot: number | null
  readonly dead: number
  readonly deadShare: number | null
  readonly vacuum: string
}

/** Tables by what is written to them. */
export const tables = definePanel<Row, Shown>({
  id: 'tables',
  key: 't',
  title: 'tables of this database: writes, dead rows, vacuum',
  empty: 'no table was ever read or written',
  sources: [
    {
      name: 'statistics of tables',
      sql: `
    select t.*, v.phase, v.heap_blks_scanned as scanned, v.heap_blks_total as pages
    from (select c.oid::bigint as oid, n.nspname || '.' || c.relname as name, pg_stat_get_tuples_inserted(c.oid) as inserted,
        pg_stat_get_tuples_updated(c.oid) as updated, pg_stat_get_tuples_deleted(c.oid) as deleted, pg_stat_get_tuples_hot_updated(c.oid) as hot,
        pg_stat_get_tuples_returned(c.oid) + pg_stat_get_tuples_fetched(c.oid) as read, pg_stat_get_live_tuples(c.oid) as live,
        pg_stat_get_dead_tuples(c.oid) as dead,
        extract(epoch from clock_timestamp() - greatest(pg_stat_get_last_autovacuum_time(c.oid), pg_stat_get_last_vacuum_time(c.oid)))::float4 as vacuumed
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema')) t
      left join pg_stat_progress_vacuum v on v.relid = t.oid::oid and v.datname = current_database()
    where t.inserted + t.updated + t.deleted + t.read + t.dead > 0 or v.pid is not null`,
    },
  ],
  columns: [
    { id: 'table', title: 'table', width: 20, grows: true, cell: ({ name }) => name, sort: ({ name }) => name },
    {
      id: 'writes',
      title: 'writes/s',
      width: 8,
      align: 'right',
      cell: (r) => short(r.writesPerSecond),
      sort: (r) => r.writesPerSecond,
    },
    {
      id: 'reads',
      title: 'reads/s',
      width: 7,
      align: 'right',
      drop: 2,
      cell: (r) => short(r.readsPerSecond),
      sort: (r) => r.readsPerSecond,
    },
    {
      id: 'hot',
      title: 'HOT%',
      width: 4,
      align: 'right',
      drop: 1,
      cell: ({ hot }) => shortShare(hot),
      sort: ({ hot }) => hot,
    },
    { id: 'dead', title: 'dead', width: 5, align: 'right', cell: ({ dead }) => short(dead), sort: ({ dead }) => dead },
    {
      id: 'share',
      title: 'dead%',
      width: 5,
      align: 'right',
      drop: 3,
      cell: (r) => shortShare(r.deadShare),
      sort: (r) => r.deadShare,
    },
    { id: 'vacuum', title: 'vacuum', width: 17, drop: 4, cell: ({ vacuum }) => vacuum, sort: ({ vacuum }) => vacuum },
  ],
  sorted: { by: 'writes', descending: true },
  view({ now, before }) {
    const first = new Map(before?.rows.map((row) => [row.oid, row]))
    const seconds = before === undefined ? 0 : now.at - before.at
    const rows = now.rows.map((row): Shown => {
      const gained = gainedTogether<Counter>(first.get(row.oid), row, COUNTERS)
      const { oid, name, live, dead, vacuumed, phase, scanned, pages } = row
      const isRecent = before !== undefined && gained.updated > 0
      const deadShare = shareOf(dead, live + dead)
      return {
        key: String(oid),
        oid,
        name,
        writesPerSecond: perSecond(gained.inserted + gained.updated + gained.deleted, seconds),
        readsPerSecond: perSecond(gained.read, seconds),
        hot: isRecent ? shareOf(gained.hot, gained.updated) : shareOf(row.hot, row.updated),
        dead,
        deadShare,
        vacuum:
          phase === null
            ? vacuumed === null
              ? 'never'
              : `${shortTime(vacuumed)} ago`
            : phase === 'scanning heap'
              ? `runs, ${shortShare(shareOf(scanned ?? 0, pages ?? 0))} %`
              : `runs, ${phase}`,
        mark: phase === null && dead > 10_000 && (deadShare ?? 0) > 0.3 ? 'warning' : 'none',
      }
    })
    const notes = before === undefined ? ['the first look: rates are known after the second'] : []
    return { rows, notes: [...now.refused, ...notes] }
  },
  target: ({ oid, name }) => ({ kind: 'table', oid, name }),
})
