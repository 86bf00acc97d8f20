import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly index: string
  readonly pages: number
  /** Pages that its entries would fill entirely. */
  readonly filled: number
}

/** A leaf page that was filled at random is about this full; a fresh index 90 %. */
const DENSITY_NORMAL = 0.69

/** A15: B-trees that are larger than their entries, as far as statistics tell. */
export const indexBloat = defineCheck<Row>({
  id: 'index-bloat',
  title: 'B-trees that are mostly empty',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'B-trees',
  absent: 'there are no B-trees',
  blind: 'statistics are stale or may not be read: analyse the tables, and grant pg_read_all_data',
  why: 'Pages of a B-tree that become empty are used again, half empty ones stay: the index takes more memory and reads than its entries need. The estimate is the usual one: entries times their average width from pg_stats (item pointer 4 bytes, header 8 or 16, columns rounded up to 8), in pages of 8 kB less 40 bytes, compared with the pages that there are. Entries of equal keys that deduplication puts together are counted so for indexes of one column; with several it takes the index for fuller than it is, so that rather too little is found than too much. Expect an error of ten points.',
  when: 'Compared with pages 69 % full, which is what a B-tree filled at random settles at, indexBloatShare and indexBloatMb of an index seem to be free. Indexes below 1 MB are not worth it. Indexes are left out whose table has stale statistics, or whose columns have none. --deep measures.',
  advice:
    'Measure first (--deep, or pgstatindex). Then rebuild it concurrently, and see whether a vacuum that comes sooner would have kept it small.',
  uses: ['indexBloatShare', 'indexBloatMb'],
  sql: `
    with stats as materialized (
      select s.schemaname, s.tablename, s.attname, s.null_frac, s.avg_width, s.n_distinct from pg_stats s
      where not s.inherited and s.schemaname not in ('pg_catalog', 'information_schema')
    ),
    indexes as materialized (
      select c.oid, c.relname, c.relpages, c.reltuples, n.nspname, i.indrelid, i.indkey::int2[] as keys, i.indnatts, t.relname as tablename,
        not i.indisunique and i.indnatts = 1 and coalesce((select x.option_value::bool from pg_options_to_table(c.reloptions) x
          where x.option_name = 'deduplicate_items'), true) as shares,
        pg_stat_get_mod_since_analyze(t.oid) <= greatest(0.1 * t.reltuples, 50) and coalesce(pg_stat_get_last_analyze_time(t.oid), pg_stat_get_last_autoanalyze_time(t.oid)) is not null as usable
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam and m.amname = 'btree'
      join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
      where c.relkind = 'i' and i.indisvalid and c.relpersistence <> 't'
    ),
    entries as (
      select x.oid, count(w.attname) as known,
        -- Of one column, the width of what is not null; nulls, which have no width, are counted apart. A bitmap of nulls takes 8.
        case when x.indnatts = 1 then ceil(max(w.avg_width) / 8.0) * 8 + 12
          else ceil(sum((1 - w.null_frac) * w.avg_width) / 8) * 8 + 12 + 8 * max(w.null_frac) end as width,
        x.reltuples * case when x.indnatts = 1 then max(w.null_frac) else 0 end as nulls,
        -- Types whose equal values may look different are never put together.
        case when x.shares and bool_and(a.atttypid not in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype, 'jsonb'::regtype))
          then max(case when w.n_distinct < 0 then -w.n_distinct * x.reltuples else w.n_distinct end) end as keys
      from indexes x join pg_attribute a on a.attrelid = x.oid and a.attnum > 0
      left join pg_attribute k on k.attrelid = x.indrelid and k.attnum = x.keys[a.attnum - 1] and k.attnum <> 0
      -- An expression has statistics under the name of the index.
      left join stats w on w.schemaname = x.nspname and w.tablename = case when k.attname is null then x.relname else x.tablename end
        and w.attname = coalesce(k.attname, a.attname)
      where x.usable and x.reltuples > 0 and x.relpages >= 128
      group by x.oid, x.shares, x.reltuples, x.indnatts
    ),
    judged as (
      select x.*, e.known = x.indnatts as known,
        -- A list of equal keys has at most about 220 row addresses of 6 bytes.
        2 + (least((x.reltuples - e.nulls) * e.width,
              case when e.keys > 0 then (x.reltuples - e.nulls) * 6 + greatest(e.keys, (x.reltuples - e.nulls) / 220) * e.width end)
            + e.nulls * case when x.shares then 6 else 20 end) / (8192 - 40) as filled
      from indexes x left join entries e on e.oid = x.oid
    )
    select count(*)::int as total, count(*) filter (where j.relpages < 128 or (j.usable and (j.known or j.reltuples = 0)))::int as examined,
      jsonb_agg(jsonb_build_object('index', j.oid::regclass, 'pages', j.relpages, 'filled', j.filled)
        order by j.relpages - j.filled desc) filter (where j.usable and j.known and j.relpages > j.filled) as found
    from judged j`,
  evaluate: (rows, { thresholds: { indexBloatShare, indexBloatMb } }) =>
    rows
      .map(({ index, pages, filled }) => ({
        index,
        size: pages * 8192,
        density: filled / pages,
        free: Math.max(0, pages - filled / DENSITY_NORMAL) * 8192,
      }))
      .filter(({ size, free }) => free >= indexBloatMb * 1024 ** 2 && free >= indexBloatShare * size)
      .map(({ index, size, density, free }) => ({
        object: `index ${index}`,
        summary: `Pages of ${index} (${bytes(size)}) seem to be ${percent(density)} full: about ${bytes(free)} are free.`,
        evidence: ['an estimate from statistics; --deep measures it'],
        remedy: {
          text: 'Measure it, then rebuild it.',
          sql: [`reindex index concurrently ${index}`],
          lock: 'share update exclusive on the table: reads and writes go on; it needs as much space again',
          undo: 'none needed',
        },
      })),
})
