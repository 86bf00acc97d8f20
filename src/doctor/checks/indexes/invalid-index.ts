import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly index: string
  readonly plain: string
  readonly table: string
  readonly bytes: number
  readonly ready: boolean
  readonly constraint: boolean
  readonly unique: boolean
  readonly twin: string | null
  readonly leftover: boolean
}

/** X1: indexes that are maintained and never used. */
export const invalidIndex = defineCheck<Row>({
  id: 'invalid-index',
  title: 'Invalid indexes',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'indexes',
  absent: 'there are no indexes',
  why: 'An index whose concurrent build failed is not used by any query, but many are still kept up to date by every write. An invalid unique index does not guarantee uniqueness of what was there before.',
  when: 'An index is invalid, is not being built now, and is not the index of a partitioned table that waits for its parts.',
  advice:
    'Drop it when a valid one like it exists or when it was left behind by REINDEX CONCURRENTLY; else build it anew. A unique one fails again while there are duplicates.',
  sql: `
    with indexes as (
      select i.*, c.relname, c.relpages, c.relam, c.relnamespace
      from pg_index i join pg_class c on c.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'i' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_temp'
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'plain', i.relname, 'table', i.indrelid::regclass,
        'bytes', i.relpages * current_setting('block_size')::bigint, 'ready', i.indisready, 'unique', i.indisunique,
        'constraint', exists (select from pg_constraint k where k.conindid = i.indexrelid),
        'leftover', i.relname ~ '_ccnew\\d*$|_ccold\\d*$',
        'twin', (select min(t.indexrelid::regclass::text) from indexes t
          where t.indrelid = i.indrelid and t.indisvalid and t.indkey = i.indkey and t.indclass = i.indclass
            and t.indcollation = i.indcollation and t.indoption = i.indoption and t.relam = i.relam
            and (t.indisunique or not i.indisunique)
            and coalesce(t.indpred::text, '') = coalesce(i.indpred::text, '')
            and coalesce(t.indexprs::text, '') = coalesce(i.indexprs::text, '')))
        order by i.indexrelid::regclass::text)
        filter (where not i.indisvalid
          and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid or p.relid = i.indrelid)) as found
    from indexes i`,
  evaluate: (rows) =>
    rows.map(({ index, table, bytes: size, ready, constraint, unique, twin, leftover }) => {
      const drop = (twin !== null || leftover) && !constraint
      return {
        object: `index ${index}`,
        level: ready || unique ? ('warning' as const) : ('info' as const),
        summary: `Index ${index} of ${table} (${bytes(size)}) is invalid: no query uses it.`,
        evidence: [
          ready ? 'writes still maintain it' : 'writes do not maintain it',
          ...(twin === null ? [] : [`${twin} is a valid one like it`]),
          ...(leftover ? ['its name is that of a REINDEX CONCURRENTLY that failed'] : []),
        ],
        remedy: drop
          ? {
              text: 'Drop it.',
              sql: [`drop index concurrently ${index}`],
              lock: 'share update exclusive on the table: reads and writes go on',
              undo: 'create the index again',
            }
          : {
              text: unique
                ? 'Build it anew; while there are duplicates that fails, so find those first.'
                : 'Build it anew, or drop it when nobody misses it.',
              sql: [`reindex index concurrently ${index}`],
              lock: 'share update exclusive on the table: reads and writes go on; it needs as much space again',
              undo: 'none needed',
            },
      }
    }),
})
