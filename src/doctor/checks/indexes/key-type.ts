import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly column: string
  readonly type: string
  readonly definition: string
}

/** X11: B-trees on what they cannot search within. */
export const keyType = defineCheck<Row>({
  id: 'key-type',
  title: 'B-trees on JSON, arrays or one boolean',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'B-trees',
  absent: 'there are no B-trees',
  why: 'A B-tree compares whole values: it answers jsonb = or array =, never @>, ? or ANY within. And an index on one boolean alone tells two halves apart.',
  when: 'The first key column of a plain B-tree is a jsonb or an array; or its only one is a boolean, without a condition.',
  advice:
    'Use GIN for what is inside of JSON and arrays, or a B-tree on the expression (column ->> key) that is compared. In place of a boolean use a condition on the index that the queries need.',
  sql: `
    with indexes as (
      select i.*, a.attname, a.atttypid, t.typcategory
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam and m.amname = 'btree'
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] and i.indkey[0] > 0
      left join pg_type t on t.oid = a.atttypid
      where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
        and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass, 'column', quote_ident(i.attname),
        'type', format_type(i.atttypid, null), 'definition', pg_get_indexdef(i.indexrelid)) order by i.indexrelid::regclass::text)
        filter (where not i.indisunique and (i.atttypid = 'jsonb'::regtype or i.typcategory = 'A'
          or (i.atttypid = 'bool'::regtype and i.indnatts = 1 and i.indpred is null))) as found
    from indexes i`,
  evaluate: (rows) =>
    rows.map(({ index, table, column, type, definition }) => ({
      object: `index ${index}`,
      summary: `${index} is a B-tree on ${table}.${column}, a ${type}.`,
      evidence: [definition],
      remedy:
        type === 'boolean'
          ? {
              text: `Put the boolean into the condition of an index on what the queries search by: … where ${column}.`,
              lock: 'concurrently: share update exclusive on the table',
              undo: definition,
            }
          : {
              text: 'Create a GIN index in its place when queries ask for what is inside; keep it when they compare whole values.',
              sql: [`create index concurrently on ${table} using gin (${column})`],
              lock: 'share update exclusive on the table: reads and writes go on',
              undo: 'drop the new index concurrently',
            },
    })),
})
