import { redact } from '../../doctor/redact.js'
import { STATEMENT_METRICS } from '../metrics/statements.js'
import { type Source, samplesOf } from './source.js'

/** The texts of the statements with the most time, for who asks for them. Their literals are taken out before they are told. */
export const statementTexts: Source = {
  id: 'statement-texts',
  title: 'texts of statements, without literals; only with --query-texts',
  pace: 'slow',
  needs: {
    extension: 'pg_stat_statements',
    all: true,
    rights: 'pg_monitor, and usage of the schema that the extension is in',
  },
  groups: [STATEMENT_METRICS.texts],
  isLimited: true,
  sql: `
    select s.queryid::text as queryid, min(s.query) as query, 1 as query_id
    from {schema}.pg_stat_statements s
    where s.queryid is not null
    group by s.queryid
    order by sum(s.total_exec_time) desc
    limit $1::int`,
  samples: (rows) =>
    samplesOf(
      [STATEMENT_METRICS.texts],
      rows.map((row) => ({ ...row, query: redact(String(row.query)) })),
    ),
}
