import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, duration } from '../../figures.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly definition: string
  readonly bytes: number
  readonly window: number
  readonly scans: number
  readonly idle: number | null
  readonly standbys: number
  readonly writes: number
}

/** The statement, with the expression that tells for how many seconds an index has not been scanned. */
const statement = (idle: string) => `
    with indexes as (
      select i.indexrelid, i.indrelid, pg_stat_get_numscans(i.indexrelid) as idx_scan, ${idle} as idle, c.relpages::float8 * 8192 as bytes,
        -- The functions behind pg_stat_user_tables: the view itself adds up the indexes of every table.
        pg_stat_get_tuples_inserted(i.indrelid) + pg_stat_get_tuples_updated(i.indrelid) + pg_stat_get_tuples_deleted(i.indrelid) as writes,
        i.indisunique or i.indisprimary or i.indisexclusion or i.indisreplident or i.indexprs is not null
          or i.indexrelid in (select h.inhrelid from pg_inherits h)
          or i.indexrelid in (select k.conindid from pg_constraint k)
          or exists (select from pg_constraint k where k.contype = 'f' and k.conrelid = i.indrelid
            and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey) as kept
      from pg_index i join pg_class c on c.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace
      where i.indisvalid and c.relkind = 'i' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
    )
    select (select count(*) from indexes)::int as total, (select count(*) from indexes)::int as examined,
      (select jsonb_agg(jsonb_build_object('index', x.indexrelid::regclass, 'table', x.indrelid::regclass, 'bytes', x.bytes,
        'definition', pg_get_indexdef(x.indexrelid), 'writes', x.writes, 'scans', x.idx_scan, 'idle', x.idle,
        'standbys', (select count(*) from pg_stat_replication),
        'window', extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time()))) order by x.bytes desc)
        -- To write down a definition takes longer than all the rest: the largest thousand do, and none of a few pages.
        from (select * from indexes x where (x.idx_scan = 0 or x.idle > 3600) and not x.kept and x.bytes >= 65536 order by x.bytes desc limit 1000) x,
          pg_stat_database d where d.datname = current_database()) as found`

/** X2: indexes that no query has used. */
export const unusedIndex = defineCheck<Row>({
  id: 'unused-index',
  title: 'Indexes that nobody uses',
  area: 'indexes',
  level: 'info',
  order: ORDER.indexes,
  scope: 'indexes',
  absent: 'there are no indexes',
  why: 'Every write pays for each index. But statistics tell of this server since the last reset only: a report of the quarter, or a standby, may need what seems unused.',
  when: 'An index of unusedIndexMb and more was not scanned since the statistics were reset, which is unusedIndexDays ago or more; or, from PostgreSQL 16 on, not for so long. Left out: keys, unique, exclusion and replica identity, indexes that support a foreign key, those of partitions, and expressions, whose statistics help the planner.',
  advice: 'Look at every standby as well, and ask who made it. Then drop it, and keep its definition at hand.',
  uses: ['unusedIndexDays', 'unusedIndexMb'],
  sql: {
    15: statement('null::float8'),
    16: statement('extract(epoch from now() - pg_stat_get_lastscan(i.indexrelid))'),
  },
  evaluate: (rows, { thresholds: { unusedIndexDays, unusedIndexMb } }) =>
    rows
      .filter(({ bytes: size }) => size >= unusedIndexMb * 1024 ** 2)
      .filter(({ scans, window, idle }) => (scans === 0 ? window : (idle ?? 0)) >= unusedIndexDays * 86_400)
      .map(({ index, table, definition, bytes: size, window, scans, idle, standbys, writes }) => ({
        object: `index ${index}`,
        summary: `Index ${index} (${bytes(size)}) of ${table} was not used in ${duration(scans === 0 ? window : (idle ?? 0))}.`,
        evidence: [
          definition,
          `${count(writes)} writes to the table maintained it`,
          ...(scans > 0 ? [`${count(scans)} scans before that: whatever made them may come again`] : []),
          ...(standbys > 0 ? [`${standbys} standbys count their own scans: look there too`] : []),
        ],
        remedy: {
          text: 'Drop it, once you know that no standby and no rare report needs it.',
          sql: [`drop index concurrently ${index}`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: definition,
        },
      })),
})
