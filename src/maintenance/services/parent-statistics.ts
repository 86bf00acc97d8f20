import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'

const FIND = statement<{ schema_name: string; table_name: string; rows: number; changed: number }>(
  'platform.find_stale_statistics',
  `select f.schema_name, f.table_name, f.rows, f.changed
  from (
    select n.nspname as schema_name, c.relname as table_name, l.rows::float8 as rows, c.reltuples as analyzed, s.last_analyze,
      (abs(l.rows - greatest(c.reltuples, 0)) + l.modified)::float8 as changed
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    left join pg_stat_all_tables s on s.relid = c.oid
    cross join lateral (
      select coalesce(sum(greatest(p.reltuples, t.n_live_tup, 0)), 0) as rows, coalesce(sum(t.n_mod_since_analyze), 0) as modified
      from pg_partition_tree(c.oid) i
      join pg_class p on p.oid = i.relid
      left join pg_stat_all_tables t on t.relid = p.oid
      where i.isleaf
    ) l
    where c.relkind = 'p'
  ) f
  where f.changed > 0
    and (f.analyzed <= 0 or f.changed >= $1::integer + $2::float8 * f.rows
      or f.last_analyze < now() - $3::float8 * interval '1 millisecond')
  order by f.changed desc, f.schema_name, f.table_name`,
)
const ANALYZE = statement<unknown>(
  'platform.analyze_partitioned_table',
  'select platform.analyze_partitioned_table($1::text, $2::text)',
)

/** Analyses partitioned tables: autovacuum analyses their partitions alone, and plans over several would guess. */
export const parentStatistics = defineService({
  name: 'parent-statistics',
  description: 'analyses partitioned tables whose rows have changed, which autovacuum never does',
  intervalMs: 3_600_000,
  options: z.strictObject({
    /** Changed rows from which on a table is analysed, and the share of its rows that is added to it. */
    rowsMin: z.int().min(0).max(1_000_000_000).default(1000),
    shareMin: z.number().min(0).max(10).default(0.1),
    /** A table with any change is analysed after so long, in milliseconds. */
    ageMaxMs: z
      .int()
      .min(60_000)
      .max(315_360_000_000)
      .default(7 * 86_400_000),
  }),
  statements: [FIND, ANALYZE],
  async runOnce(context, { rowsMin, shareMin, ageMaxMs }) {
    for (const stale of await context.query(FIND, [rowsMin, shareMin, ageMaxMs])) {
      const object = `${stale.schema_name}.${stale.table_name}`
      const note = `about ${Math.round(stale.changed)} of ${Math.round(stale.rows)} rows have changed`
      if (context.dryRun) {
        context.report.item({ action: 'analysed', object, note })
        continue
      }
      await context.attempt(object, async () => {
        await context.batch((run) => run(ANALYZE, [stale.schema_name, stale.table_name]))
        context.report.item({ action: 'analysed', object, note })
      })
      if (context.isOver()) return context.report.leaveSome()
    }
  },
})
