import { FleetError } from '../errors.js'
import { AUTOVACUUM_BOUNDS, autovacuumSettings } from '../maintenance/services/autovacuum.js'
import { distinctValues } from './distinct-values.js'
import type { Queryable } from './server-settings.js'

/** A change to one of the product's own tables, from what was measured of it. */
export interface TableAdvice {
  /** With its schema, quoted. A partition, never its parent, which takes no storage settings. */
  readonly table: string
  readonly subject: 'fillfactor' | 'autovacuum' | 'statistics'
  /** Statements, each by itself. */
  readonly sql: readonly string[]
  /** The figures that it is from. */
  readonly why: string
  readonly lock: string
  readonly undo: readonly string[]
}

/** What is advised for tables, and what could not be looked at. */
export interface TablesAdvice {
  /** How many tables were looked at. */
  readonly examined: number
  readonly advice: readonly TableAdvice[]
  /** Why columns were not sampled; null when they were, or nobody asked. */
  readonly unsampled: string | null
}

/** How tables are looked at. */
export interface TablesOptions {
  /** Also reads samples of tables, to hold the statistics of their columns against. */
  readonly sampleColumns: boolean
  readonly signal: AbortSignal
}

interface Row {
  readonly oid: number
  readonly table: string
  readonly rows: number
  readonly updates: number
  readonly hot: number
  /** Updates that went to another page because theirs was full; null before PostgreSQL 16, which does not count them. */
  readonly newPage: number | null
  readonly fillfactor: number
  readonly ownFillfactor: boolean
  readonly removed: number
  readonly dead: number
  readonly vacuums: number
  readonly threshold: number
  readonly scale: number
  readonly options: readonly string[]
  readonly hidden: boolean
}

const TABLES = `
  select c.oid::int8::float8 as oid, format('%I.%I', n.nspname, c.relname) as "table",
    greatest(c.reltuples, s.n_live_tup, 0)::float8 as rows, s.n_tup_upd::float8 as updates, s.n_tup_hot_upd::float8 as hot,
    (to_jsonb(s) ->> 'n_tup_newpage_upd')::float8 as "newPage",
    coalesce(o.fillfactor::int, 100) as fillfactor, o.fillfactor is not null as "ownFillfactor",
    (s.n_tup_upd - s.n_tup_hot_upd + s.n_tup_del)::float8 as removed, s.n_dead_tup::float8 as dead,
    (s.vacuum_count + s.autovacuum_count)::float8 as vacuums,
    coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold'))::float8 as threshold,
    coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor'))::float8 as scale,
    coalesce(c.reloptions, '{}') as options, row_security_active(c.oid) as hidden
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = (select r.oid from pg_roles r where r.rolname = 'pgfleet_owner')
  join pg_stat_all_tables s on s.relid = c.oid
  cross join lateral (
    select max(x.option_value) filter (where x.option_name = 'fillfactor') as fillfactor,
      max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_threshold') as threshold,
      max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_scale_factor') as scale
    from pg_options_to_table(c.reloptions) x
  ) o
  where c.relkind = 'r'
  order by rows desc, 2`

/** Tables with fewer updates tell nothing. */
const UPDATES_MIN = 10_000
/** Share of HOT updates from which on nothing is to be gained. */
const HOT_SHARE = 0.9
/** Pages are no emptier than this, in per cent. */
const FILLFACTOR_MIN = 50
/** Tables whose columns are sampled, the largest first. */
const SAMPLED_MAX = 20
const LOCK = 'share update exclusive, for a moment: reads and writes go on, vacuum and other changes of the table wait'

/**
 * Looks at the statistics of the product's own tables. Nothing is advised where they say nothing. Reads no table unless columns
 * are to be sampled. Errors: ABORTED.
 */
export async function adviseTables(connection: Queryable, options: TablesOptions): Promise<TablesAdvice> {
  const { rows: tables } = await connection.query<Row>(TABLES)
  const advice = tables.flatMap((table) => [...fillfactorOf(table), ...autovacuumOf(table)])
  if (!options.sampleColumns) return { examined: tables.length, advice, unsampled: null }
  const hidden = tables.find((table) => table.hidden)
  if (hidden !== undefined) {
    const unsampled = `row-level security hides the rows of ${hidden.table} from this login`
    return { examined: tables.length, advice, unsampled }
  }
  for (const table of tables.filter(({ rows }) => rows >= AUTOVACUUM_BOUNDS.rowsMin).slice(0, SAMPLED_MAX)) {
    if (options.signal.aborted) throw new FleetError('ABORTED', { message: 'interrupted while sampling tables' })
    for (const column of await distinctValues(connection, table)) {
      const { name, value, told, found, exact } = column
      advice.push({
        table: table.table,
        subject: 'statistics',
        sql: [`alter table ${table.table} alter column ${name} set (n_distinct = ${value})`, `analyze ${table.table}`],
        why: `the statistics say ${told} different values of ${name}, and there are ${exact ? '' : 'at least '}${found}`,
        lock: LOCK,
        undo: [`alter table ${table.table} alter column ${name} reset (n_distinct)`, `analyze ${table.table}`],
      })
    }
  }
  return { examined: tables.length, advice, unsampled: null }
}

/** Room in pages, where updates left theirs because it was full: not where an index holds what they change. */
function fillfactorOf({ table, updates, hot, newPage, fillfactor, ownFillfactor }: Row): TableAdvice[] {
  if (updates < UPDATES_MIN || hot >= HOT_SHARE * updates || newPage === null) return []
  if (newPage < 0.5 * (updates - hot) || fillfactor <= FILLFACTOR_MIN) return []
  const wanted = Math.max(FILLFACTOR_MIN, fillfactor > 80 ? 80 : fillfactor - 10)
  const share = (part: number) => `${Math.round((100 * part) / updates)} %`
  return [
    {
      table,
      subject: 'fillfactor',
      sql: [`alter table ${table} set (fillfactor = ${wanted})`],
      why: `${share(hot)} of ${updates} updates were HOT, and ${share(newPage)} went to another page because theirs was full (fillfactor ${fillfactor}); pages that are filled from now on keep room`,
      lock: LOCK,
      undo: [
        ownFillfactor
          ? `alter table ${table} set (fillfactor = ${fillfactor})`
          : `alter table ${table} reset (fillfactor)`,
      ],
    },
  ]
}

/** The same bound and settings as the maintenance service `autovacuum`, where dead rows were seen to go beyond it. */
function autovacuumOf({ table, rows, removed, dead, vacuums, threshold, scale, options }: Row): TableAdvice[] {
  const { rowsMin, deadRowsMax, deadShareMax } = AUTOVACUUM_BOUNDS
  const bound = Math.min(deadRowsMax, deadShareMax * rows)
  const between = Math.max(dead, vacuums === 0 ? 0 : removed / vacuums)
  if (rows < rowsMin || threshold + scale * rows <= 1.25 * bound || between <= bound) return []
  const wanted = autovacuumSettings(rows, bound)
  const names = ['autovacuum_vacuum_threshold', 'autovacuum_vacuum_scale_factor']
  const own = options.filter((option) => names.some((name) => option.startsWith(`${name}=`)))
  return [
    {
      table,
      subject: 'autovacuum',
      sql: [
        `alter table ${table} set (autovacuum_vacuum_threshold = ${wanted.threshold}, autovacuum_vacuum_scale_factor = ${wanted.scale})`,
      ],
      why: `${Math.round(between)} dead rows of ${Math.round(rows)} lay between vacuums; at most ${Math.round(bound)} should. The maintenance service autovacuum does the same`,
      lock: LOCK,
      undo: [
        `alter table ${table} reset (${names.join(', ')})`,
        ...(own.length === 0 ? [] : [`alter table ${table} set (${own.join(', ')})`]),
      ],
    },
  ]
}
