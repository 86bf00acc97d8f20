import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly constraint: string
  readonly table: string
  readonly columns: readonly string[]
}

/** X5: foreign keys of several columns that a null switches off. */
export const foreignKeyNull = defineCheck<Row>({
  id: 'foreign-key-null',
  title: 'Foreign keys that a null switches off',
  area: 'indexes',
  level: 'info',
  order: ORDER.structure,
  scope: 'foreign keys of several columns',
  absent: 'no foreign key has several columns',
  why: 'A foreign key of several columns checks nothing when one of them is null (MATCH SIMPLE): the other columns may then name what does not exist.',
  when: 'A foreign key of two columns and more, not MATCH FULL, has a column that may be null beside one that may not.',
  advice:
    'Make the column NOT NULL, or declare the key MATCH FULL. Leave it when the null means that there is nothing to refer to, and the other column has a meaning of its own.',
  sql: `
    with keys as (
      select c.oid, c.conname, c.conrelid, jsonb_agg(quote_ident(a.attname) order by a.attnum) filter (where not a.attnotnull) as nulls,
        bool_or(a.attnotnull) as holds
      from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
      where c.contype = 'f' and cardinality(c.conkey) > 1 and c.conparentid = 0 and c.confmatchtype = 's'
      group by c.oid, c.conname, c.conrelid
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('constraint', quote_ident(k.conname), 'table', k.conrelid::regclass, 'columns', k.nulls)
        order by k.conrelid::regclass::text, k.conname) filter (where k.holds and k.nulls is not null) as found
    from keys k`,
  evaluate: (rows) =>
    rows.map(({ constraint, table, columns }) => ({
      object: `constraint ${constraint} on ${table}`,
      summary: `${constraint} of ${table} checks nothing where ${columns.join(' or ')} is null.`,
      remedy: {
        text: 'Add CHECK (… is not null) NOT VALID, validate it, then set NOT NULL; or declare the key MATCH FULL when all its columns may be null together.',
        lock: 'set not null behind a validated CHECK: access exclusive for a moment, without a scan',
        undo: 'drop not null',
      },
    })),
})
