import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly pages: number
  readonly expected: number
}

/** A14: tables that are larger than their rows, as far as statistics tell. */
export const tableBloat = defineCheck<Row>({
  id: 'table-bloat',
  title: 'Tables that are mostly empty',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.vacuum,
  scope: 'tables',
  absent: 'there are no tables',
  blind: 'statistics are stale or may not be read: analyse the tables, and grant pg_read_all_data',
  why: 'Space that vacuum has freed inside a table is used again, but never given back, and every scan reads it.',
  when: 'An estimate from the statistics says that bloatShare and bloatMb of a table are free. Tables below 1 MB are not worth it. Tables are left out whose statistics are stale or out of reach, or which are mostly stored out of line: there the estimate would be wrong. --deep measures.',
  advice:
    'Measure first (pgstattuple). Then find why vacuum came too late. To give the space back without stopping anybody use pg_repack or pg_squeeze, from PostgreSQL 19 on REPACK CONCURRENTLY. VACUUM FULL locks everybody out while it copies the table: never from a schedule.',
  uses: ['bloatShare', 'bloatMb'],
  sql: `
    with stats as materialized (
      select s.schemaname, s.tablename, s.attname, s.null_frac, s.avg_width from pg_stats s
      where not s.inherited and s.schemaname not in ('pg_catalog', 'information_schema')
    ),
    tables as materialized (
      select c.oid, n.nspname, c.relname, c.relpages, c.reltuples,
        coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x where x.option_name = 'fillfactor'), 100) as fill,
        pg_stat_get_mod_since_analyze(c.oid) <= greatest(0.1 * c.reltuples, 50) and coalesce(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) is not null
          and coalesce(o.relpages, 0) <= c.relpages as usable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
      left join pg_class o on o.oid = c.reltoastrelid
      where c.relkind in ('r', 'm') and c.relpersistence <> 't'
    ),
    widths as (
      select t.oid, count(w.attname) as known,
        count(*) as columns,
        sum((1 - w.null_frac) * (w.avg_width + case when a.attalign = 'd' then 4 when a.attlen > 0 and a.attalign = 'i' then 1 else 0 end)) as width
      from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      left join stats w on w.schemaname = t.nspname and w.tablename = t.relname and w.attname = a.attname
      where t.usable and t.reltuples > 0 and t.relpages >= 128
      group by t.oid
    ),
    judged as (
      select t.*, w.known = w.columns as known,
        ceil(t.reltuples * (28 + ceil((w.width + w.columns / 8.0) / 8) * 8) / ((8192 - 24) * t.fill / 100)) as expected
      from tables t left join widths w on w.oid = t.oid
    )
    select count(*)::int as total, count(*) filter (where j.relpages < 128 or (j.usable and (j.known or j.reltuples <= 0)))::int as examined,
      jsonb_agg(jsonb_build_object('table', j.oid::regclass, 'pages', j.relpages, 'expected', j.expected)
        order by j.relpages - j.expected desc) filter (where j.usable and j.known and j.relpages > j.expected) as found
    from judged j`,
  evaluate: (rows, { thresholds: { bloatShare, bloatMb } }) =>
    rows
      .map(({ table, pages, expected }) => ({ table, size: pages * 8192, free: (pages - expected) * 8192 }))
      .filter(({ size, free }) => free >= bloatMb * 1024 ** 2 && free >= bloatShare * size)
      .map(({ table, size, free }) => ({
        object: `table ${table}`,
        summary: `About ${percent(free / size)} of ${table} (${bytes(size)}) seems to be free: ${bytes(free)}.`,
        evidence: ['an estimate from statistics; --deep measures it'],
        remedy: {
          text: 'Let vacuum come sooner, so that it does not grow on. Give the space back by pg_repack or pg_squeeze, when it is worth it.',
          lock: 'pg_repack: access exclusive for a moment at begin and end',
          undo: 'none needed',
        },
      })),
})
