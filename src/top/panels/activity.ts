import { short, shortTime } from '../amounts.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row extends ShownRow {
  readonly pid: number
  readonly user: string | null
  readonly database: string | null
  readonly application: string | null
  readonly state: string | null
  readonly wait: string | null
  /** Seconds since the statement, or what the state is, began. */
  readonly seconds: number | null
  readonly transaction: number | null
  readonly xminAge: number | null
  readonly query: string | null
  readonly begun: string | null
  readonly total: number
}

/** States, those that do something first. */
const STATES = [
  'active',
  'idle in transaction',
  'idle in transaction (aborted)',
  'fastpath function call',
  'idle',
  'disabled',
]
const SHORT: Readonly<Record<string, string>> = {
  'idle in transaction': 'idle tx',
  'idle in transaction (aborted)': 'failed tx',
  'fastpath function call': 'fastpath',
}

/** Sessions and what they do. */
export const activity = definePanel<Row, Row>({
  id: 'activity',
  key: 'a',
  title: 'sessions: what they do, wait for, and hold',
  blind: 'what sessions of others do is not seen: grant pg_monitor to this login',
  empty: 'nobody else is connected',
  sources: [
    {
      name: 'pg_stat_activity',
      sql: `
    select a.pid || ' ' || coalesce(a.backend_start::text, '') as key, a.pid, a.usename as user, a.datname as database, a.application_name as application,
      a.state, a.wait_event_type || '/' || a.wait_event as wait, extract(epoch from clock_timestamp() - case when a.state = 'active' then a.query_start else a.state_change end) as seconds,
      extract(epoch from clock_timestamp() - a.xact_start) as transaction, greatest(age(a.backend_xmin), age(a.backend_xid)) as "xminAge",
      left(a.query, 2000) as query, a.backend_start::text as begun, count(*) over () as total
    from pg_stat_activity a
    where a.pid <> pg_backend_pid() and (a.backend_type in ('client backend', 'parallel worker', 'autovacuum worker') or (a.backend_type is null and a.datid is not null))
    order by a.state = 'idle', a.xact_start nulls last limit 500`,
    },
  ],
  columns: [
    { id: 'pid', title: 'pid', width: 7, align: 'right', cell: ({ pid }) => String(pid), sort: ({ pid }) => pid },
    { id: 'user', title: 'user', width: 9, drop: 2, cell: ({ user }) => user ?? '', sort: ({ user }) => user },
    {
      id: 'database',
      title: 'database',
      width: 9,
      drop: 4,
      cell: ({ database }) => database ?? '',
      sort: ({ database }) => database,
    },
    {
      id: 'state',
      title: 'state',
      width: 9,
      cell: ({ state }) => SHORT[state ?? ''] ?? state ?? '?',
      sort: ({ state, seconds }) => {
        const place = STATES.indexOf(state ?? '')
        // The longest first among those that do the same.
        return (place < 0 ? STATES.length : place) + 1 / (2 + Math.max(0, seconds ?? 0))
      },
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
      id: 'transaction',
      title: 'tx',
      width: 6,
      align: 'right',
      drop: 1,
      cell: ({ transaction }) => shortTime(transaction),
      sort: ({ transaction }) => transaction,
    },
    {
      id: 'xmin',
      title: 'xmin',
      width: 5,
      align: 'right',
      drop: 5,
      cell: ({ xminAge }) => short(xminAge),
      sort: ({ xminAge }) => xminAge,
    },
    {
      id: 'wait',
      title: 'waits for',
      width: 13,
      drop: 3,
      cell: ({ wait, state }) => (state === 'idle' ? '' : (wait ?? '')),
      sort: ({ wait }) => wait,
    },
    {
      id: 'query',
      title: 'query',
      width: 20,
      grows: true,
      cell: ({ query }) => query ?? '',
      sort: ({ query }) => query,
    },
  ],
  sorted: { by: 'state', descending: false },
  view({ now }) {
    const [first] = now.rows
    const left = (first?.total ?? 0) - now.rows.length
    return {
      notes: [...now.refused, ...(left > 0 ? [`${left} more sessions, of those that do least`] : [])],
      rows: now.rows.map((row) => ({ ...row, mark: markOf(row) })),
    }
  },
  target: ({ pid, begun }) => ({ kind: 'session', pid, begun }),
})

function markOf({ state, wait, transaction, seconds }: Row): Exclude<ShownRow['mark'], undefined> {
  if (wait?.startsWith('Lock/') && (seconds ?? 0) > 10) return 'critical'
  if (wait?.startsWith('Lock/') || (state?.startsWith('idle in') && (transaction ?? 0) > 60)) return 'warning'
  return state === 'idle' ? 'dim' : 'none'
}
