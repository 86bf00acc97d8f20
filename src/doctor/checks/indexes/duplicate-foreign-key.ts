import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly kept: string
  readonly constraint: string
  readonly definition: string
}

/** X5: the same reference, checked twice. */
export const duplicateForeignKey = defineCheck<Row>({
  id: 'duplicate-foreign-key',
  title: 'Foreign keys that are there twice',
  area: 'indexes',
  level: 'info',
  order: ORDER.structure,
  scope: 'foreign keys',
  absent: 'there are no foreign keys',
  why: 'Each of them locks and reads the referenced row at every insert.',
  when: 'Two foreign keys of a table have the same columns, the same target and the same actions.',
  advice: 'Drop one.',
  sql: `
    with keys as (
      select k.* from pg_constraint k join pg_namespace n on n.oid = k.connamespace
      where k.contype = 'f' and k.conparentid = 0 and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select (select count(*) from keys)::int as total, (select count(*) from keys)::int as examined,
      jsonb_agg(jsonb_build_object('table', b.conrelid::regclass, 'kept', quote_ident(a.conname), 'constraint', quote_ident(b.conname),
        'definition', pg_get_constraintdef(b.oid)) order by b.conrelid::regclass::text, b.conname) as found
    from keys a join keys b on a.conrelid = b.conrelid and a.confrelid = b.confrelid and a.conkey = b.conkey
      and a.confkey = b.confkey and a.confupdtype = b.confupdtype and a.confdeltype = b.confdeltype
      and a.convalidated >= b.convalidated and (a.convalidated > b.convalidated or a.oid < b.oid)`,
  evaluate: (rows) =>
    rows.map(({ table, kept, constraint, definition }) => ({
      object: `constraint ${constraint} on ${table}`,
      summary: `${constraint} of ${table} checks what ${kept} checks.`,
      evidence: [definition],
      remedy: {
        text: 'Drop it.',
        sql: [`alter table ${table} drop constraint ${constraint}`],
        lock: 'access exclusive on both tables, for a moment',
        undo: `alter table ${table} add constraint ${constraint} ${definition}`,
      },
    })),
})
