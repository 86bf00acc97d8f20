import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly method: string
}

/** 2.8: indexes that queries under row-level security cannot use. */
export const rlsIndexUnusable = defineCheck<Row>({
  id: 'rls-index-unusable',
  title: 'Indexes that row-level security shuts out',
  area: 'security',
  level: 'info',
  order: ORDER.advice,
  scope: 'GIN and GiST indexes of tables with row-level security',
  absent: 'no table with row-level security has such an index',
  why: 'A condition whose operator is not leakproof may see rows only after the policy has let them through, so it cannot be looked up in an index first. Text search, trigrams, JSON containment and ranges are such.',
  when: 'No operator of the index’s first operator class is leakproof.',
  advice:
    'Let a function that is owned by a narrow role search, with the tenant as an explicit condition; or begin the index with the tenant (btree_gin, btree_gist). Sorting by distance is not concerned.',
  sql: `
    with indexes as (
      select i.indexrelid, i.indrelid, m.amname, exists (
          select from pg_opclass o join pg_amop x on x.amopfamily = o.opcfamily and x.amoppurpose = 's' join pg_operator p on p.oid = x.amopopr
          join pg_proc f on f.oid = p.oprcode where o.oid = i.indclass[0] and f.proleakproof) as usable
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
      join pg_class t on t.oid = i.indrelid and t.relrowsecurity and not t.relispartition
      where m.amname in ('gin', 'gist')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'method', i.amname) order by i.indexrelid::regclass::text)
        filter (where not i.usable) as found
    from indexes i`,
  evaluate: (rows) =>
    rows.map(({ index, table, method }) => ({
      object: `index ${index}`,
      summary: `${index} (${method}) cannot be searched by roles that the policies of ${table} hold: its operators are not leakproof.`,
      remedy: {
        text: 'Search through a narrow function with an explicit condition on the tenant, or begin the index with the tenant.',
        lock: 'none',
        undo: 'none needed',
      },
    })),
})
