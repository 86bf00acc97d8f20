import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly table: string
  readonly rows: number
  readonly unique: string | null
  readonly published: boolean
}

/** X14: tables whose rows nothing tells apart. */
export const primaryKey = defineCheck<Row>({
  id: 'primary-key',
  title: 'Tables without a primary key',
  area: 'indexes',
  level: 'error',
  order: ORDER.structure,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'Without a key equal rows cannot be told apart, and tools that copy or repair tables need one. A published table without a replica identity refuses UPDATE and DELETE.',
  when: 'A table, or a partitioned table as a whole, has no primary key (info). When a publication sends its updates or deletes and it has no replica identity, that is an error.',
  advice: 'Add one; a unique index on columns that are NOT NULL can become it without a scan.',
  sql: `
    with tables as (
      select c.oid, c.relreplident, greatest(c.reltuples, s.n_live_tup, 0) as rows,
        exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as keyed,
        (select min(i.indexrelid::regclass::text) from pg_index i
          where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indexprs is null and i.indisvalid) as unique_index,
        exists (select from pg_index i where i.indrelid = c.oid and i.indisreplident) as identified,
        exists (select from pg_publication p where p.puballtables and (p.pubupdate or p.pubdelete))
          or exists (select from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
            where r.prrelid = c.oid and (p.pubupdate or p.pubdelete))
          or exists (select from pg_publication_namespace r join pg_publication p on p.oid = r.pnpubid
            where r.pnnspid = c.relnamespace and (p.pubupdate or p.pubdelete)) as published
      from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
      where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.oid::regclass, 'rows', t.rows, 'unique', t.unique_index,
        'published', t.published and not t.keyed and t.relreplident <> 'f' and not t.identified) order by t.published desc, t.rows desc, t.oid::regclass::text)
        filter (where not t.keyed) as found
    from tables t`,
  evaluate: (rows) =>
    rows.map(({ table, rows: size, unique, published }) => ({
      object: `table ${table}`,
      level: published ? ('error' as const) : ('info' as const),
      summary: published
        ? `${table} is published without a replica identity: UPDATE and DELETE of it fail.`
        : `${table} (about ${counted(size, 'row')}) has no primary key.`,
      evidence: unique === null ? [] : [`${unique} is unique`],
      remedy: published
        ? {
            text: 'Add a primary key, or as a stopgap send whole rows.',
            sql: [`alter table ${table} replica identity full`],
            lock: 'access exclusive on the table, for a moment',
            undo: `alter table ${table} replica identity default`,
          }
        : {
            text: 'Add a primary key: create a unique index concurrently, then alter table … add primary key using index …',
            lock: 'access exclusive on the table, for a moment when the columns are NOT NULL already',
            undo: 'drop the constraint',
          },
    })),
})
