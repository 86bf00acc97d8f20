import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'

const FIND = statement<{ schema_name: string; table_name: string; rows: number; trigger: number; bound: number }>(
  'platform.find_late_autovacuum',
  `select f.schema_name, f.table_name, f.rows, f.trigger, f.bound
  from (
    select n.nspname as schema_name, c.relname as table_name, r.rows, r.rows * o.scale + o.threshold as trigger,
      least($2::float8, $3::float8 * r.rows) as bound
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    join pg_stat_all_tables s on s.relid = c.oid
    cross join lateral (select greatest(c.reltuples, s.n_live_tup, 0)::float8 as rows) r
    cross join lateral (
      select
        coalesce(max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_scale_factor'),
          current_setting('autovacuum_vacuum_scale_factor'))::float8 as scale,
        coalesce(max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_threshold'),
          current_setting('autovacuum_vacuum_threshold'))::float8 as threshold
      from pg_options_to_table(c.reloptions) x
    ) o
    -- What is only inserted leaves no dead rows.
    where c.relkind = 'r' and s.n_tup_upd + s.n_tup_del > 0 and r.rows >= $1::integer
  ) f
  -- A quarter more is let pass, so that a table that grows is not changed with every run.
  where f.trigger > 1.25 * f.bound
  order by f.trigger desc, f.schema_name, f.table_name`,
)
const SET = statement<{ before: string[] | null; after: string[] }>(
  'platform.set_autovacuum',
  'select a.before, a.after from platform.set_autovacuum($1::text, $2::text, $3::integer, $4::float8) a',
)

/** Settings of ours. */
const NAMES = ['autovacuum_vacuum_threshold', 'autovacuum_vacuum_scale_factor']
/** A table is not vacuumed for fewer dead rows, whatever its size. */
const THRESHOLD = 500

/** What is kept to unless options say otherwise: tables from so many rows on, and dead rows of a table, at most about. */
export const AUTOVACUUM_BOUNDS = { rowsMin: 10_000, deadRowsMax: 100_000, deadShareMax: 0.1 } as const

/** The settings by which autovacuum comes to a table of so many rows at about `bound` dead ones. */
export function autovacuumSettings(
  rows: number,
  bound: number,
): { readonly threshold: number; readonly scale: number } {
  return { threshold: THRESHOLD, scale: Math.floor(Math.max(0, (bound - THRESHOLD) / rows) * 10_000) / 10_000 }
}

/** Lets autovacuum come to a table before its dead rows are more than stated. */
export const autovacuum = defineService({
  name: 'autovacuum',
  description: 'sets, table by table, when autovacuum comes, so that dead rows stay below a bound',
  intervalMs: 86_400_000,
  options: z.strictObject({
    /** Tables with fewer rows are left alone. */
    rowsMin: z.int().min(1000).max(1_000_000_000).default(AUTOVACUUM_BOUNDS.rowsMin),
    /** Dead rows of a table, at most about: so many, and this share of its rows. */
    deadRowsMax: z.int().min(1000).max(10_000_000).default(AUTOVACUUM_BOUNDS.deadRowsMax),
    deadShareMax: z.number().min(0.01).max(0.2).default(AUTOVACUUM_BOUNDS.deadShareMax),
  }),
  statements: [FIND, SET],
  async runOnce(context, { rowsMin, deadRowsMax, deadShareMax }) {
    if (context.isEmbedded) return context.report.skip('the embedded database has no autovacuum')
    for (const late of await context.query(FIND, [rowsMin, deadRowsMax, deadShareMax])) {
      const { schema_name: schema, table_name: table, rows, bound } = late
      const object = `${schema}.${table}`
      const { threshold, scale } = autovacuumSettings(rows, bound)
      const note = `comes at ${Math.round(threshold + scale * rows)} dead rows of ${Math.round(rows)}, instead of ${Math.round(late.trigger)}`
      if (context.dryRun) {
        context.report.item({ action: 'set', object, note })
        continue
      }
      await context.attempt(object, async () => {
        const [row] = await context.batch((run) => run(SET, [schema, table, threshold, scale]))
        context.report.item({ action: 'set', object, note, undo: undoOf(object, row?.before ?? []) })
      })
    }
  },
})

/** The statement that brings the settings of before back. */
function undoOf(table: string, before: readonly string[]): string {
  const ours = before.filter((setting) => NAMES.some((name) => setting.startsWith(`${name}=`)))
  const missing = NAMES.filter((name) => !ours.some((setting) => setting.startsWith(`${name}=`)))
  return [
    ...(ours.length > 0 ? [`alter table ${table} set (${ours.join(', ')})`] : []),
    ...(missing.length > 0 ? [`alter table ${table} reset (${missing.join(', ')})`] : []),
  ].join('; ')
}
