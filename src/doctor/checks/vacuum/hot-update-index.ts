import { defineCheck, ORDER } from '../../check.js'
import { count, counted } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly schema: string
  readonly relname: string
  readonly columns: readonly string[]
  readonly updates: number
  readonly hot: number
  readonly statements: readonly { query: string; calls: number }[]
  readonly constraint: boolean
  readonly method: string
}

/** A17: which index keeps updates from being HOT. */
export const hotUpdateIndex = defineCheck<Row>({
  id: 'hot-update-index',
  title: 'Indexes that hold a column which is updated',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.indexes,
  needs: { extension: 'pg_stat_statements' },
  scope: 'indexes',
  absent: 'there are no indexes',
  why: 'An update that changes a column which any index but a BRIN holds, be it as a key, as an included column, in an expression or in the condition, has to write into every index of the table.',
  when: 'A table with hotUpdates updates has less than hotShare of them HOT, and a statement in pg_stat_statements sets a column that the index holds.',
  advice:
    'Take the column out of the index: sort its few dozen rows in the query instead, or drop the index. An INCLUDE column counts too.',
  uses: ['hotUpdates', 'hotShare'],
  sql: `
    with tables as materialized (
      select s.relid, s.schemaname, s.relname, s.n_tup_upd, s.n_tup_hot_upd from pg_stat_user_tables s
      where s.n_tup_upd >= 100 and s.n_tup_hot_upd < 0.9 * s.n_tup_upd
    ),
    updates as materialized (
      select left(q.query, 4000) as query, q.calls from {schema}.pg_stat_statements q
      where q.query ~* '\\yupdate\\y[\\s\\S]*\\yset\\y' and q.dbid = (select d.oid from pg_database d where d.datname = current_database())
    )
    select (select count(*) from pg_stat_user_indexes)::int as total, (select count(*) from pg_stat_user_indexes)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', t.relid::regclass, 'schema', t.schemaname,
        'relname', t.relname, 'method', m.amname, 'updates', t.n_tup_upd, 'hot', t.n_tup_hot_upd,
        'constraint', exists (select from pg_constraint k where k.conindid = i.indexrelid),
        'columns', (select coalesce(jsonb_agg(a.attname), '[]') from pg_attribute a
          where a.attrelid = i.indrelid and a.attnum > 0 and (a.attnum = any (i.indkey::int2[])
            or exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
              and d.refobjid = i.indrelid and d.refobjsubid = a.attnum))),
        'statements', (select coalesce(jsonb_agg(jsonb_build_object('query', u.query, 'calls', u.calls) order by u.calls desc), '[]')
          from updates u where position(lower(t.relname) in lower(u.query)) > 0))) as found
    from tables t join pg_index i on i.indrelid = t.relid join pg_class x on x.oid = i.indexrelid
    join pg_am m on m.oid = x.relam and m.amname <> 'brin'`,
  evaluate: (rows, { thresholds: { hotUpdates, hotShare } }) =>
    rows
      .filter(({ updates, hot }) => updates >= hotUpdates && hot < hotShare * updates)
      .flatMap(({ index, table, relname, columns, updates, hot, statements, constraint, method }) => {
        const found = statements.find(({ query }) => setBy(query, relname).some((column) => columns.includes(column)))
        if (found === undefined) return []
        const column = setBy(found.query, relname).find((each) => columns.includes(each))
        return [
          {
            object: `index ${index}`,
            summary: `${index} holds ${column}, which updates of ${table} set: ${count(hot)} of ${count(updates)} were HOT.`,
            evidence: [
              `${counted(found.calls, 'call')}: ${redact(found.query)}`,
              ...(method === 'gin'
                ? ['a GIN index: each such update adds an entry for every key in it, at first to its pending list']
                : []),
            ],
            remedy: constraint
              ? {
                  text: `The index belongs to a constraint: keep it, and do not set ${column} where it does not change.`,
                  lock: 'none',
                  undo: 'none needed',
                }
              : {
                  text: `Create an index on the other columns where queries, a foreign key or a policy need one; then drop this.`,
                  lock: 'share update exclusive on the table: reads and writes go on',
                  undo: 'create the index again',
                },
          },
        ]
      }),
})

/** The columns that a statement sets in the table: of UPDATE, and of ON CONFLICT DO UPDATE. */
function setBy(query: string, relname: string): string[] {
  const name = `(?:"?[\\w$]+"?\\.)?"?${relname.replaceAll(/[^\w]/g, '\\$&')}"?`
  const clause =
    new RegExp(`\\bupdate\\s+(?:only\\s+)?${name}(?:\\s+(?:as\\s+)?[\\w"]+)?\\s+set\\s+([\\s\\S]*)`, 'i').exec(
      query,
    )?.[1] ??
    new RegExp(`\\binsert\\s+into\\s+${name}[\\s\\S]*\\bdo\\s+update\\s+set\\s+([\\s\\S]*)`, 'i').exec(query)?.[1]
  if (clause === undefined) return []
  const assignments = clause.split(/\b(?:where|from|returning)\b/i)[0] ?? ''
  return [...assignments.matchAll(/(?:^|[,(])\s*"?([\w$]+)"?(?=\s*(?:=|,[^=()]*\)\s*=|\)\s*=))/g)].map(
    ([, column]) => column as string,
  )
}
