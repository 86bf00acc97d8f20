import { redact } from '../../doctor/redact.js'
import { STATEMENT_METRICS } from '../metrics/statements.js'
import { type Source, samplesOf } from './source.js'

/**
 * The texts of the statements that are told, for who asks for them. Reading texts takes longer than counting, and they do not
 * change: each is read when its statement is told first. Literals are taken out before it is kept.
 */
export const statementTexts: Source = {
  id: 'statement-texts',
  title: 'texts of statements, without literals; only with --query-texts',
  needs: {
    extension: 'pg_stat_statements',
    all: true,
    rights: 'pg_monitor, and usage of the schema that the extension is in',
  },
  groups: [STATEMENT_METRICS.texts],
  follows: { source: 'statements', column: 'queryid' },
  sql: `
    select s.queryid::text as queryid, min(s.query) as query, 1 as query_id
    from {schema}.pg_stat_statements s
    where s.queryid = any ($1::bigint[])
    group by s.queryid`,
  samples: (rows) =>
    samplesOf(
      [STATEMENT_METRICS.texts],
      rows.map((row) => ({ ...row, query: redact(String(row.query)) })),
    ),
}
