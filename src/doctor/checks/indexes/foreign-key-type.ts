import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly constraint: string
  readonly table: string
  readonly column: string
  readonly type: string
  readonly referenced: string
  readonly referencedType: string
}

/** X5: foreign keys whose two ends have different types. */
export const foreignKeyType = defineCheck<Row>({
  id: 'foreign-key-type',
  title: 'Foreign keys between different types',
  area: 'indexes',
  level: 'info',
  order: ORDER.structure,
  scope: 'foreign keys',
  absent: 'there are no foreign keys',
  why: 'A referring column that is narrower than what it refers to cannot hold all its values: an int4 that refers to a bigint fails one day. Comparing numeric with integer types cannot use the index.',
  when: 'A column and the one it refers to differ in their type. Lengths are not compared.',
  advice: 'Give the referring column the type of the referenced one, before its values are used up.',
  sql: `
    with pairs as (
      select k.conname, k.conrelid, k.confrelid, r.attname as column, r.atttypid as type, f.attname as referenced, f.atttypid as referencedtype
      from pg_constraint k join pg_namespace n on n.oid = k.connamespace
      cross join lateral unnest(k.conkey, k.confkey) u (own, other)
      join pg_attribute r on r.attrelid = k.conrelid and r.attnum = u.own
      join pg_attribute f on f.attrelid = k.confrelid and f.attnum = u.other
      where k.contype = 'f' and k.conparentid = 0 and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('constraint', p.conname, 'table', p.conrelid::regclass, 'column', quote_ident(p.column),
        'type', format_type(p.type, null), 'referenced', p.confrelid::regclass || '.' || quote_ident(p.referenced),
        'referencedType', format_type(p.referencedtype, null)) order by p.conrelid::regclass::text, p.conname)
        filter (where p.type <> p.referencedtype) as found
    from pairs p`,
  evaluate: (rows) =>
    rows.map(({ constraint, table, column, type, referenced, referencedType }) => ({
      object: `constraint ${constraint} on ${table}, ${column}`,
      summary: `${table}.${column} is ${type} and refers to ${referenced}, which is ${referencedType}.`,
      remedy: {
        text: `Change it to ${referencedType}; a large table wants a new column that is filled in steps.`,
        sql: [`alter table ${table} alter column ${column} type ${referencedType}`],
        lock: 'access exclusive on the table; it is rewritten unless both types are stored alike',
        undo: `alter table ${table} alter column ${column} type ${type}`,
      },
    })),
})
