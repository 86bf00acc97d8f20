import { STATEMENT_METRICS } from '../metrics/statements.js'
import type { Source } from './source.js'

/** How often pg_stat_statements ran out of room. */
export const statementEvictions: Source = {
  id: 'statement-evictions',
  title: 'entries that pg_stat_statements gave up',
  needs: { extension: 'pg_stat_statements', rights: 'pg_monitor, and usage of the schema that the extension is in' },
  groups: [STATEMENT_METRICS.evictions],
  sql: 'select i.dealloc as evictions_total from {schema}.pg_stat_statements_info i',
}
