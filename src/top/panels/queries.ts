import { short, shortMs, shortShare } from '../amounts.js'
import { gainedTogether, perSecond, shareOf } from '../difference.js'
import type { Look } from '../look.js'
import { definePanel, type Looks, type ShownRow } from '../panel.js'
import { MARK } from '../reader.js'

const COUNTERS = ['calls', 'us', 'rows', 'hits', 'reads', 'dirtied', 'temporary', 'wal'] as const
type Counter = (typeof COUNTERS)[number]

/** All statements at once: there are thousands, most of which have done nothing since the last look. */
interface Row {
  /**
   * Of each that was called from outside a function: user/statement and the counters, divided by spaces; then a comma. So one that
   * has done nothing is known by its text, and no number of it is read.
   */
  readonly statements?: string | null
  /** How many are not seen. */
  readonly hidden?: number
  readonly reset?: string | null
  /** A statement that runs now, where the extension is missing: its text, and how long it has run. */
  readonly running?: string
  readonly key?: string
  readonly seconds?: number
}

interface Shown extends ShownRow {
  readonly callsPerSecond: number | null
  readonly share: number | null
  /** Milliseconds of one call; of a statement that runs, how long it has run. */
  readonly mean: number | null
  readonly rowsPerCall: number | null
  readonly blocksPerSecond: number | null
  readonly query: string
  readonly gained: Record<Counter, number>
}

const MISSING =
  "pg_stat_statements is missing here: shown is what runs now. shared_preload_libraries = 'pg_stat_statements', restart, create extension pg_stat_statements"

/** Statements that took time since the last look. */
export const queries = definePanel<Row, Shown>({
  id: 'queries',
  key: 'u',
  title: 'statements by what they took since the last look',
  blind: 'statements of others are not seen: grant pg_monitor to this login',
  empty: 'no statement has ended since the last look',
  sources: [
    {
      name: 'pg_stat_statements',
      needs: { extension: 'pg_stat_statements' },
      absent: MISSING,
      grant: 'it has to be in shared_preload_libraries as well',
      sql: `
    select string_agg(concat_ws(' ', s.userid || '/' || s.queryid, s.calls, (s.total_exec_time * 1000)::bigint, s.rows, s.shared_blks_hit, s.shared_blks_read,
        s.shared_blks_dirtied, s.temp_blks_read + s.temp_blks_written, s.wal_bytes), ',')
        filter (where s.queryid is not null) as statements,
      count(*) filter (where s.queryid is null) as hidden, (select i.stats_reset::text from {schema}.pg_stat_statements_info i) as reset
    from {schema}.pg_stat_statements(false) s where s.toplevel and s.dbid = (select d.oid from pg_database d where d.datname = current_database())`,
    },
    {
      name: 'pg_stat_activity',
      unless: 'pg_stat_statements',
      sql: `
    select 'session ' || a.pid as key, a.query as running, extract(epoch from clock_timestamp() - a.query_start) as seconds
    from pg_stat_activity a where a.state = 'active' and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
    order by a.query_start limit 200`,
    },
  ],
  columns: [
    {
      id: 'calls',
      title: 'calls/s',
      width: 7,
      align: 'right',
      drop: 3,
      cell: (r) => short(r.callsPerSecond),
      sort: (r) => r.callsPerSecond,
    },
    {
      id: 'time',
      title: 'time%',
      width: 5,
      align: 'right',
      cell: (r) => shortShare(r.share),
      sort: (r) => r.share ?? r.mean,
    },
    { id: 'mean', title: 'mean', width: 6, align: 'right', cell: (r) => shortMs(r.mean), sort: (r) => r.mean },
    {
      id: 'rows',
      title: 'rows',
      width: 5,
      align: 'right',
      drop: 2,
      cell: (r) => short(r.rowsPerCall),
      sort: (r) => r.rowsPerCall,
    },
    {
      id: 'blocks',
      title: 'blks/s',
      width: 6,
      align: 'right',
      drop: 1,
      cell: (r) => short(r.blocksPerSecond),
      sort: (r) => r.blocksPerSecond,
    },
    { id: 'query', title: 'query', width: 20, grows: true, cell: (r) => r.query, sort: (r) => r.query },
  ],
  sorted: { by: 'time', descending: true },
  texts: {
    source: {
      name: 'pg_stat_statements',
      needs: { extension: 'pg_stat_statements' },
      sql: `
    select s.userid || '/' || s.queryid as key, min(s.query) as text
    from {schema}.pg_stat_statements s
    where s.toplevel and s.dbid = (select d.oid from pg_database d where d.datname = current_database())
      and s.userid || '/' || s.queryid in (select k from unnest($1::text[]) k)
    group by 1`,
    },
    missing: (looks) => spentOf(looks).flatMap(({ key }) => (looks.texts.has(key) ? [] : [key])),
  },
  view(looks) {
    const { now, before, texts } = looks
    const running = now.rows.filter(({ running }) => running !== undefined)
    if (running.length > 0 || now.refused.includes(MISSING)) {
      return { notes: now.refused, rows: running.map(runningRow) }
    }
    const hidden = now.rows[0]?.hidden ?? 0
    const notes = [
      ...now.refused,
      ...(hidden > 0 ? [`${hidden} statements of others are not seen`] : []),
      ...(isReset(looks) ? ['statistics were reset since the last look: all is counted from then'] : []),
      ...(before === undefined ? ['the first look: what statements take is known after the second'] : []),
    ]
    // Those of this command itself are left out.
    const spent = spentOf(looks).filter(({ key }) => !texts.get(key)?.includes(MARK))
    const total = spent.reduce((sum, { gained }) => sum + gained.us, 0)
    const seconds = before === undefined ? 0 : now.at - before.at
    const rows = spent.map(({ key, gained }) => ({
      key,
      gained,
      callsPerSecond: perSecond(gained.calls, seconds),
      share: shareOf(gained.us, total),
      mean: gained.calls > 0 ? gained.us / 1000 / gained.calls : null,
      rowsPerCall: gained.calls > 0 ? gained.rows / gained.calls : null,
      blocksPerSecond: perSecond(gained.hits + gained.reads, seconds),
      query: texts.get(key) ?? '(its text is gone from the statistics)',
    }))
    return { notes, rows }
  },
  target: ({ key, query, gained, mean, callsPerSecond, share }) => {
    const pid = /^session (\d+)$/.exec(key)?.[1]
    if (pid !== undefined) return { kind: 'session', pid: Number(pid), begun: null }
    return {
      kind: 'statement',
      key,
      text: query,
      fields: [
        ['calls/s', short(callsPerSecond)],
        [
          'time',
          `${shortShare(share)} % of all, ${shortMs(gained.us / 1000)} since the last look, ${shortMs(mean)} a call`,
        ],
        ['rows', `${short(gained.rows)} since the last look`],
        [
          'blocks',
          `${short(gained.hits)} found in the cache, ${short(gained.reads)} read, ${short(gained.dirtied)} changed, ${short(gained.temporary)} temporary`,
        ],
        ['WAL', `${short(gained.wal)} bytes`],
      ],
    }
  },
})

const isReset = ({ now, before }: Looks<Row>) =>
  before !== undefined &&
  before.rows[0] !== undefined &&
  now.rows[0] !== undefined &&
  before.rows[0].reset !== now.rows[0].reset

interface Spent {
  readonly key: string
  readonly gained: Record<Counter, number>
}

/** What was worked out last: the texts are asked for, then the rows, of the same two looks. */
const worked = new WeakMap<object, { readonly before: object; readonly spent: readonly Spent[] }>()

/** What each statement has gained since the look before; none at the first look. */
function spentOf(looks: Looks<Row>): readonly Spent[] {
  const { now, before } = looks
  if (before === undefined) return []
  const known = worked.get(now)
  if (known?.before === before) return known.spent
  const earlier = isReset(looks) ? [] : statementsOf(before)
  let places: ReadonlyMap<string, number> | undefined
  const spent: Spent[] = []
  let at = 0
  for (const statement of statementsOf(now)) {
    // Most have done nothing, and stand in the same order as before.
    if (statement === earlier[at]) {
      at++
      continue
    }
    const key = keyOf(statement)
    if (keyOf(earlier[at] ?? '') !== key) {
      places ??= new Map(earlier.map((each, i) => [keyOf(each), i]))
      at = places.get(key) ?? earlier.length
    }
    const known = earlier[at]
    at++
    if (known === statement) continue
    const gained = gainedTogether<Counter>(
      known === undefined ? undefined : countersOf(known),
      countersOf(statement),
      COUNTERS,
    )
    if (gained.calls > 0) spent.push({ key, gained })
  }
  worked.set(now, { before, spent })
  return spent
}

const statementsOf = ({ rows }: Look<Row>) => rows[0]?.statements?.split(',') ?? []

const keyOf = (statement: string) => statement.slice(0, statement.indexOf(' '))

function countersOf(statement: string): Record<Counter, number> {
  const [, ...numbers] = statement.split(' ')
  return Object.fromEntries(COUNTERS.map((name, i) => [name, Number(numbers[i])])) as Record<Counter, number>
}

const NONE: Record<Counter, number> = { calls: 0, us: 0, rows: 0, hits: 0, reads: 0, dirtied: 0, temporary: 0, wal: 0 }

function runningRow({ key = '', running = '', seconds = 0 }: Row): Shown {
  const unknown = { callsPerSecond: null, share: null, rowsPerCall: null, blocksPerSecond: null }
  return { ...unknown, key, mean: seconds * 1000, query: running, gained: NONE }
}
