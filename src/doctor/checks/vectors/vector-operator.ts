import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly table: string
  readonly relname: string
  readonly indexed: readonly string[]
  readonly indexes: string
  readonly statements: readonly { query: string; calls: number }[]
}

/** 2.10: searches by an operator that no index of the table knows. */
export const vectorOperator = defineCheck<Row>({
  id: 'vector-operator',
  title: 'Searches by another operator than the index has',
  area: 'vectors',
  level: 'warning',
  order: ORDER.indexes,
  needs: { extension: 'pg_stat_statements' },
  scope: 'tables with an index of vectors',
  absent: 'no table has an index of vectors',
  why: 'An index of vectors answers ORDER BY with the one operator of its class. With another one, or in descending order, or without LIMIT, all rows are compared.',
  when: 'pg_stat_statements has statements that order a table by an operator of vectors, and no HNSW or IVFFlat index of that table has it.',
  advice: 'Use the operator of the index, or create an index with the class of the operator.',
  sql: `
    with operators as (
      select i.indrelid, i.indexrelid, p.oprname
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam and m.amname in ('hnsw', 'ivfflat')
      join pg_opclass o on o.oid = i.indclass[0] join pg_amop x on x.amopfamily = o.opcfamily and x.amoppurpose = 'o'
      join pg_operator p on p.oid = x.amopopr
    ),
    tables as (
      select o.indrelid, jsonb_agg(distinct o.oprname) as indexed, string_agg(distinct o.indexrelid::regclass::text, ', ') as indexes
      from operators o group by 1
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.indrelid::regclass, 'relname', c.relname, 'indexed', t.indexed, 'indexes', t.indexes,
        'statements', (select coalesce(jsonb_agg(jsonb_build_object('query', left(s.query, 2000), 'calls', s.calls) order by s.calls desc), '[]')
          from {schema}.pg_stat_statements s
          where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
            and s.query ~* '^\\s*(select|with)' and s.query ~ '<(->|=>|#>|\\+>|~>|%>)' and s.query ~* '\\yorder\\s+by\\y'
            and position(lower(c.relname) in lower(s.query)) > 0)) order by t.indrelid::regclass::text) as found
    from tables t join pg_class c on c.oid = t.indrelid`,
  evaluate: (rows) =>
    rows.flatMap(({ table, indexed, indexes, statements }) =>
      statements.flatMap(({ query, calls }) => {
        const order = /\border\s+by\b([\s\S]*)/i.exec(query)?.[1] ?? ''
        const used = [...order.matchAll(/<(?:->|=>|#>|\+>|~>|%>)/g)].map(([operator]) => operator)
        const strange = used.find((operator) => !indexed.includes(operator))
        if (strange === undefined || used.some((operator) => indexed.includes(operator))) return []
        return [
          {
            object: `table ${table}, operator ${strange}`,
            summary: `${count(calls)} searches order ${table} by ${strange}; its indexes know ${indexed.join(', ')}.`,
            evidence: [indexes, redact(query)],
            remedy: {
              text: `Search by ${indexed.join(' or ')}, when the meaning allows; or create an index whose class has ${strange}.`,
              lock: 'create index concurrently: share update exclusive on the table',
              undo: 'drop the index concurrently',
            },
          },
        ]
      }),
    ),
})
