import { short, shortBytes, shortShare, shortTime, sparkline } from '../amounts.js'
import { gainedTogether, perSecond, shareOf } from '../difference.js'
import { KEPT_SECONDS, type Look } from '../look.js'
import { definePanel, type ShownRow } from '../panel.js'

type Counter =
  | 'commits'
  | 'rollbacks'
  | 'returned'
  | 'written'
  | 'hits'
  | 'reads'
  | 'temporary'
  | 'deadlocks'
  | 'timed'
  | 'requested'

interface Row extends Readonly<Record<Counter, number | null>> {
  readonly reset: string | null
  readonly wal: number | null
  readonly active: number
  readonly idle: number
  readonly inTransaction: number
  readonly waiting: number
  readonly hidden: number
  readonly connections: number
  readonly connectionsMax: number
  readonly longest: number | null
  readonly xminAge: number | null
  readonly freezeMax: number
  readonly replicas: number
  readonly lag: number | null
}

interface Shown extends ShownRow {
  readonly figure: string
  readonly value: string
  /** One number for each two seconds of the last minute. */
  readonly trend: readonly (number | null)[]
  readonly note: string
}

const COUNTERS: readonly Counter[] = [
  'commits',
  'rollbacks',
  'returned',
  'written',
  'hits',
  'reads',
  'temporary',
  'deadlocks',
]
const SLOTS = 30
/** Figures that are a part of the one above them. */
const PARTS: ReadonlySet<string> = new Set(['active', 'waiting for a lock', 'idle in tx'])

const COMMON = `
    d.*, s.*, r.*, current_setting('max_connections')::int as "connectionsMax", current_setting('autovacuum_freeze_max_age')::int as "freezeMax",
    case when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') else pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') end as wal
  from (select sum(b.xact_commit) as commits, sum(b.xact_rollback) as rollbacks, sum(b.tup_returned) as returned,
      sum(b.tup_inserted + b.tup_updated + b.tup_deleted) as written, sum(b.blks_hit) as hits, sum(b.blks_read) as reads,
      sum(b.temp_bytes) as temporary, sum(b.deadlocks) as deadlocks, max(b.stats_reset)::text as reset from pg_stat_database b) d,
    (select count(*) filter (where a.state = 'active') as active, count(*) filter (where a.state = 'idle') as idle,
      count(*) filter (where a.state like 'idle in transaction%') as "inTransaction", count(*) filter (where a.wait_event_type = 'Lock') as waiting,
      count(*) filter (where a.state is null and a.datid is not null and a.backend_type is null) as hidden,
      count(*) filter (where a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null)) as connections,
      extract(epoch from clock_timestamp() - min(a.xact_start) filter (where a.backend_type = 'client backend' and a.pid <> pg_backend_pid())) as longest,
      max(greatest(age(a.backend_xmin), age(a.backend_xid))) filter (where a.pid <> pg_backend_pid()) as "xminAge"
      from pg_stat_activity a) s,
    (select count(*) as replicas, max(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, p.replay_lsn)) as lag
      from pg_stat_replication p) r`

/** How the whole server is. */
export const overview = definePanel<Row, Shown>({
  id: 'overview',
  key: 'o',
  title: 'how the whole server is, with the last minute',
  blind: 'sessions of others are counted, and their states are not seen: grant pg_monitor to this login',
  empty: 'nothing was read',
  sources: [
    {
      name: 'statistics',
      sql: {
        15: `select c.checkpoints_timed as timed, c.checkpoints_req as requested, ${COMMON}, pg_stat_bgwriter c`,
        17: `select c.num_timed as timed, c.num_requested as requested, ${COMMON}, pg_stat_checkpointer c`,
      },
    },
  ],
  columns: [
    { id: 'figure', title: 'figure', width: 20, cell: ({ figure }) => figure },
    { id: 'now', title: 'now', width: 8, align: 'right', cell: ({ value }) => value },
    { id: 'minute', title: 'last minute', width: SLOTS, drop: 1, cell: ({ trend }) => sparkline(trend) },
    { id: 'note', title: '', width: 8, grows: true, drop: 2, cell: ({ note }) => note },
  ],
  view({ now, minute }) {
    const [row] = now.rows
    if (row === undefined) return { rows: [], notes: now.refused }
    const steps = minute.slice(1).map((look, i) => stepOf(minute[i] as Look<Row>, look))
    const line = (
      figure: string,
      value: string,
      pick: (step: Step) => number | null,
      note = '',
      mark: Shown['mark'] = 'none',
    ) => ({
      key: figure,
      figure,
      value,
      note,
      mark,
      trend: slots(now.at, steps, pick),
      depth: PARTS.has(figure) ? 1 : 0,
    })
    const rate = (counter: Counter) => (step: Step | undefined) =>
      step === undefined ? null : perSecond(step.gained[counter], step.seconds)
    const last = steps.at(-1)
    const counted = (figure: string, counter: Counter, note = '') =>
      line(figure, short(rate(counter)(last)), rate(counter), note)
    const hit = (step: Step | undefined) =>
      step === undefined ? null : shareOf(step.gained.hits, step.gained.hits + step.gained.reads)
    const isOld = (row.longest ?? 0) > 300
    const isHeld = (row.xminAge ?? 0) > row.freezeMax / 2
    const isFull = row.connections > 0.9 * row.connectionsMax
    const isReset = steps.at(-1)?.isReset ?? false
    return {
      notes: [...now.refused, ...(isReset ? ['statistics were reset since the last look: rates count from then'] : [])],
      rows: [
        counted('commits/s', 'commits'),
        counted('rollbacks/s', 'rollbacks'),
        counted('rows read/s', 'returned'),
        counted('rows written/s', 'written'),
        line('cache hits %', shortShare(hit(last)), hit, 'of pages asked for'),
        line('blocks read/s', short(rate('reads')(last)), rate('reads')),
        line('WAL/s', shortBytes(walOf(last)), walOf, now.inRecovery ? 'replayed' : ''),
        line('temporary files/s', shortBytes(rate('temporary')(last)), rate('temporary')),
        line('deadlocks/s', short(rate('deadlocks')(last)), rate('deadlocks')),
        line(
          'connections',
          short(row.connections),
          ({ row: { connections } }) => connections,
          `of ${row.connectionsMax}${isFull ? ': nearly all' : ''}`,
          isFull ? 'critical' : 'none',
        ),
        line('active', row.hidden > 0 ? '?' : short(row.active), ({ row: { active } }) => active),
        line(
          'waiting for a lock',
          row.hidden > 0 ? '?' : short(row.waiting),
          ({ row: { waiting } }) => waiting,
          '',
          row.waiting > 0 ? 'warning' : 'none',
        ),
        line(
          'idle in tx',
          row.hidden > 0 ? '?' : short(row.inTransaction),
          ({ row: { inTransaction } }) => inTransaction,
        ),
        line(
          'longest transaction',
          shortTime(row.longest),
          ({ row: { longest } }) => longest,
          '',
          isOld ? 'warning' : 'none',
        ),
        line(
          'oldest snapshot',
          short(row.xminAge),
          ({ row: { xminAge } }) => xminAge,
          'transactions old',
          isHeld ? 'critical' : 'none',
        ),
        line(
          'checkpoints',
          short((row.timed ?? 0) + (row.requested ?? 0)),
          checkpointsOf,
          `${short(row.requested)} asked for`,
        ),
        line(
          'replicas',
          short(row.replicas),
          ({ row: { lag } }) => lag,
          row.replicas === 0 ? '' : row.lag === null ? 'lag not seen' : `last ${shortBytes(row.lag)} behind`,
        ),
      ],
    }
  },
})

interface Step {
  readonly at: number
  readonly seconds: number
  readonly row: Row
  readonly wal: number | null
  readonly checkpoints: number
  readonly gained: Record<Counter, number>
  readonly isReset: boolean
}

function stepOf(before: Look<Row>, now: Look<Row>): Step {
  const [first, row] = [before.rows[0] as Row, now.rows[0] as Row]
  const isReset = first.reset !== row.reset
  return {
    at: now.at,
    seconds: now.at - before.at,
    row,
    isReset,
    gained: gainedTogether<Counter>(isReset ? undefined : first, row, COUNTERS),
    // A position in the log never goes back in one life of a server.
    wal: first.wal === null || row.wal === null ? null : Math.max(0, row.wal - first.wal),
    checkpoints: Math.max(0, (row.timed ?? 0) + (row.requested ?? 0) - (first.timed ?? 0) - (first.requested ?? 0)),
  }
}

const walOf = (step: Step | undefined) =>
  step === undefined || step.wal === null ? null : perSecond(step.wal, step.seconds)
const checkpointsOf = ({ checkpoints }: Step) => checkpoints

/** The steps by when they ended: the mean of those that share a slot, null where there was none. */
function slots(now: number, steps: readonly Step[], pick: (step: Step) => number | null): (number | null)[] {
  const width = KEPT_SECONDS / SLOTS
  const found = Array.from({ length: SLOTS }, () => ({ sum: 0, count: 0 }))
  for (const step of steps) {
    const value = pick(step)
    const slot = found[SLOTS - 1 - Math.floor((now - step.at) / width)]
    if (slot === undefined || value === null) continue
    slot.sum += value
    slot.count++
  }
  return found.map(({ sum, count }) => (count === 0 ? null : sum / count))
}
