import { defineCheck, ORDER } from '../../check.js'
import { percent } from '../../figures.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly definition: string
  readonly column: string
  readonly kind: 'constant' | 'nothing'
  readonly share: number | null
}

/** X10: partial indexes whose condition makes their key useless, or does nothing. */
export const partialIndex = defineCheck<Row>({
  id: 'partial-index',
  title: 'Partial indexes that miss their purpose',
  area: 'indexes',
  level: 'info',
  order: ORDER.indexes,
  scope: 'partial indexes',
  absent: 'there are no partial indexes',
  blind: 'statistics of the tables may not be read: grant pg_read_all_data',
  why: 'An index on (status) with the condition status = …  holds the same key in every entry: it finds the rows, but sorts and tells apart nothing. A condition that nearly all rows meet saves nothing, and queries without it cannot use the index.',
  when: 'The only key column is fixed by the condition (column = constant); or the condition is a column IS NOT NULL which is null in less than 5 % of the rows.',
  advice: 'Put into the key what the queries sort or search by, and keep the condition; or leave the condition away.',
  sql: `
    with indexes as (
      select i.*, pg_get_expr(i.indpred, i.indrelid) as predicate, a.attname, w.null_frac
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_class t on t.oid = i.indrelid
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      left join lateral (select regexp_replace(pg_get_expr(i.indpred, i.indrelid), '^\\(("?)(.*?)\\1 IS NOT NULL\\)$', '\\2') as name) p on true
      left join pg_stats w on w.schemaname = n.nspname and w.tablename = t.relname and w.attname = p.name and not w.inherited
      where i.indpred is not null and i.indisvalid and not i.indisunique
        and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
        and n.nspname not in ('pg_catalog', 'information_schema')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass,
        'definition', pg_get_indexdef(i.indexrelid), 'column', i.attname, 'share', 1 - i.null_frac,
        'kind', case when i.null_frac < 0.05 then 'nothing' else 'constant' end) order by i.indexrelid::regclass::text)
        filter (where i.null_frac < 0.05 or (i.indnatts = 1 and i.attname is not null and i.indexprs is null
          and i.predicate ~ ('^\\(\\(?"?' || regexp_replace(i.attname, '[^\\w]', '\\\\\\&', 'g') || '"?(\\)::\\w+)? = [^()]*\\)$'))) as found
    from indexes i`,
  evaluate: (rows) =>
    rows.map(({ index, table, definition, column, kind, share }) => ({
      object: `index ${index}`,
      summary:
        kind === 'constant'
          ? `The key of ${index} on ${table} is ${column}, which its condition fixes: all entries are alike.`
          : `${percent(share ?? 1)} of the rows of ${table} meet the condition of ${index}: it leaves out hardly anything.`,
      evidence: [definition],
      remedy: {
        text:
          kind === 'constant'
            ? 'Create it anew with the columns by which the queries sort or search, and the same condition; then drop this one.'
            : 'Create it anew without the condition, then drop this one.',
        lock: 'concurrently: share update exclusive on the table',
        undo: definition,
      },
    })),
})
