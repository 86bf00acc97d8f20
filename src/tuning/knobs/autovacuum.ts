import pg from 'pg'
import { FleetError } from '../../errors.js'
import { type Bench, type Candidate, growth, type Knob, type LeftAlone, type Reading, type Target } from '../knob.js'

const NAME = 'autovacuum_vacuum_scale_factor'
/** Within these autovacuum neither stands still nor runs all the time. */
const BOUNDS = { min: 0.01, max: 0.2 }
const WANTED = 0.05
/** Dead rows of all rows of a table that call for a look, and so many at least. */
const DEAD_SHARE = 0.2
const DEAD_ROWS = 500
/** HOT updates of all may become fewer by this share; blocks read for a changed row more by this factor. */
const HOT_LOSS = 0.1
const READS_FACTOR = 2
/** Changed rows a second may become fewer by this factor. */
const PACE_FACTOR = 0.3

interface Row {
  readonly schema: string
  readonly table: string
  readonly live: number
  readonly dead: number
  readonly changed: number
  readonly updated: number
  readonly hot: number
  readonly read: number
  readonly vacuums: number
  /** Names of its own storage parameters that concern autovacuum, as `name=value`. */
  readonly own: readonly string[]
  readonly trigger: number
  readonly isMarked: boolean
}

const TABLES = `
  select n.nspname as schema, c.relname as table, s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead,
    (s.n_tup_upd + s.n_tup_del)::float8 as changed, s.n_tup_upd::float8 as updated, s.n_tup_hot_upd::float8 as hot,
    coalesce(io.heap_blks_read + coalesce(io.idx_blks_read, 0), 0)::float8 as read, s.autovacuum_count::float8 as vacuums,
    coalesce((select jsonb_agg(o) from unnest(c.reloptions) o where o like 'autovacuum%'), '[]') as own,
    current_setting('autovacuum_vacuum_threshold')::float8
      + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(c.reltuples, 0) as trigger,
    coalesce(obj_description(c.oid, 'pg_class') ~* 'pgfleet:\\s*keep', false) as "isMarked"
  from pg_stat_user_tables s join pg_class c on c.oid = s.relid join pg_namespace n on n.oid = c.relnamespace
  left join pg_statio_user_tables io on io.relid = s.relid
  where c.relkind = 'r' and c.relpersistence <> 't' and ($1::text is null or n.nspname = $1 and c.relname = $2)`

const nameOf = ({ schema, table }: { schema: string; table: string }) => `${schema}.${table}`

/** When autovacuum comes to a table whose rows change all the time. */
export const autovacuum: Knob = {
  id: 'autovacuum',
  title: `${NAME} of a table that is full of dead rows`,
  place: 'server',
  metric: 'dead rows of all rows of the table',
  guard: 'HOT updates of all updates, blocks read for a changed row, changed rows a second',
  // Dead rows come back slowly: going back and forth would measure how fast.
  rounds: 1,
  bounds: `${BOUNDS.min} to ${BOUNDS.max}`,
  async look(bench) {
    const rows = await bench.query<Row>(TABLES, [null, null])
    return { at: performance.now(), rows: new Map(rows.map((row) => [nameOf(row), row])) }
  },
  async find(bench, since) {
    const { at, rows: before } = since as { at: number; rows: Map<string, Row> }
    const seconds = (performance.now() - at) / 1000
    const candidates: Candidate[] = []
    const left: Omit<LeftAlone, 'knob'>[] = []
    const [server] = await bench.query<{ on: boolean }>(
      `select current_setting('autovacuum')::bool and current_setting('track_counts')::bool as on`,
    )
    const grown = (await bench.query<Row>(TABLES, [null, null])).map((row) => ({
      row,
      changes: row.changed - (before.get(nameOf(row))?.changed ?? row.changed),
    }))
    const total = grown.reduce((sum, { changes }) => sum + Math.max(0, changes), 0)
    for (const { row, changes } of grown) {
      const share = row.dead / Math.max(1, row.dead + row.live)
      if (changes <= 0 || row.dead < DEAD_ROWS || share < DEAD_SHARE) continue
      const found = await candidateOf(bench, row, before.get(nameOf(row)) as Row, server?.on ?? false, {
        seconds,
        total,
      })
      if (typeof found === 'string') left.push({ scope: `table ${nameOf(row)}`, reason: found })
      else candidates.push(found)
    }
    return { candidates, left }
  },
  read: async (bench, { target }) => readingOf(await rowOf(bench, target)),
  sample({ reference }, from, to, milliseconds) {
    const [changed, updated] = [growth(from, to, 'changed'), growth(from, to, 'updated')]
    const reads = growth(from, to, 'read') / Math.max(1, changed)
    const pace = (changed * 1000) / milliseconds
    const guards = [
      { name: 'changed rows a second', value: pace, limit: (reference.pace ?? 0) * PACE_FACTOR, isFloor: true },
      {
        name: 'blocks read for a changed row',
        value: reads,
        limit: (reference.reads ?? 0) * READS_FACTOR + 1,
        isFloor: false,
      },
    ]
    // Ten updates tell nothing.
    const hotShare = growth(from, to, 'hot') / Math.max(1, updated)
    if (updated >= 10) {
      guards.push({
        name: 'HOT updates of all updates',
        value: hotShare,
        limit: (reference.hotShare ?? 0) - HOT_LOSS,
        isFloor: true,
      })
    }
    const [dead, live] = [to.dead ?? 0, to.live ?? 0]
    return { calls: changed, value: (dead + 1) / (dead + live + 1), guards }
  },
  async unsettled(bench, { target }, _since, from) {
    const row = await rowOf(bench, target)
    return (row?.vacuums ?? 0) > (from.vacuums ?? 0) ? undefined : 'autovacuum has not come to the table since'
  },
  async current(bench, target) {
    const row = await rowOf(bench, target)
    return row === undefined
      ? undefined
      : (row.own.find((one) => one.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? null)
  },
  async set(_, run, target, value) {
    // What was there before may be anything that the server once took.
    if (value !== null && !/^\d{1,3}(\.\d{1,6})?$/.test(value)) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no ${NAME}`, field: 'value' })
    }
    await run(tableStatement(tableTarget(target), value))
  },
}

async function candidateOf(
  bench: Bench,
  row: Row,
  before: Row,
  isOn: boolean,
  look: { seconds: number; total: number },
): Promise<Candidate | string> {
  const name = nameOf(row)
  if (bench.limits.keep.includes(name) || bench.limits.keep.includes(row.table)) return 'it is listed in keep'
  if (row.isMarked) return 'a comment on the table says `pgfleet: keep`'
  if (!isOn) return 'autovacuum, or what counts dead rows for it, is switched off on this server'
  const kept = await bench.kept('autovacuum', `table ${name}`)
  if (kept !== undefined)
    return row.own.length > 0
      ? `a trial has kept ${NAME} = ${kept}`
      : `somebody has taken ${NAME} = ${kept} back, which a trial had kept`
  if (row.own.length > 0) return `somebody has set ${row.own.join(', ')} on it`
  const changes = row.changed - before.changed
  if (changes < bench.limits.callsMin) return `${changes} changed rows are too few to judge by`
  if (row.dead > row.trigger)
    return `autovacuum is due at ${Math.round(row.trigger)} dead rows of its ${row.dead}, and does not come or cannot remove them: no matter of this setting`
  const target = { schema: row.schema, table: row.table }
  const updated = row.updated - before.updated
  return {
    target,
    scope: `table ${name}`,
    setting: NAME,
    oldValue: null,
    newValue: String(WANTED),
    reason: `${row.dead} of ${row.dead + row.live} rows are dead, and autovacuum comes at ${Math.round(row.trigger)}`,
    apply: tableStatement(target, String(WANTED)),
    undo: tableStatement(target, null),
    weight: changes / Math.max(1, look.total),
    reference: {
      hotShare: updated > 0 ? (row.hot - before.hot) / updated : 0,
      reads: (row.read - before.read) / Math.max(1, changes),
      pace: changes / look.seconds,
    },
  }
}

async function rowOf(bench: Bench, target: Target): Promise<Row | undefined> {
  const { schema, table } = tableTarget(target)
  const [row] = await bench.query<Row>(TABLES, [schema, table])
  return row
}

function readingOf(row: Row | undefined): Reading {
  if (row === undefined) throw new Error('the table is gone')
  const { live, dead, changed, updated, hot, read, vacuums } = row
  return { live, dead, changed, updated, hot, read, vacuums }
}

function tableTarget({ schema, table }: Target): { schema: string; table: string } {
  if (typeof schema === 'string' && typeof table === 'string') return { schema, table }
  throw new FleetError('INPUT_INVALID', { message: 'target: a schema and a table are expected', field: 'target' })
}

function tableStatement({ schema, table }: { schema: string; table: string }, value: string | null): string {
  const on = `alter table ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`
  return value === null ? `${on} reset (${NAME})` : `${on} set (${NAME} = ${value})`
}
