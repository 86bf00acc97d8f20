import { count } from '../../../doctor/figures.js'
import { defineQuestion } from '../../question.js'

/** Most that a batch of a hot operation may take on average, in milliseconds. */
const MEAN_MAX_MS = 5
/** Fewer calls of one say little. */
const CALLS_MIN = 100

/** The load that counts is the one that there is. */
export const hotOperations = defineQuestion({
  id: 'hot-operations',
  concern: 'performance',
  question: 'Do batches of the hot operations take less than 5 ms on average?',
  why: 'A test of load tells of the test. What the statements of the real load take, the server counts.',
  how: 'The mean times of statements that call a function of the stores, and were called a hundred times or more, are read from pg_stat_statements.',
  mend: 'pgfleet doctor --check statement-load --sample 60s; pgfleet bench says what this machine can do',
  async ask({ query, server }) {
    const schema = server.extensions.pg_stat_statements?.schema
    if (schema === undefined) return { answer: 'cannot tell', evidence: ['pg_stat_statements is not there'] }
    const rows = await query<{ name: string; calls: number; mean: number }>(`
      select substring(s.query from '((?:learning|memory|delivery|metadata)\\.[a-z_]+)\\s*\\(') as name,
        sum(s.calls)::float8 as calls, (sum(s.total_exec_time) / sum(s.calls))::float8 as mean
      from ${schema}.pg_stat_statements s join pg_database d on d.oid = s.dbid
      where d.datname = current_database() and s.query ~* '^select .* from (learning|memory|delivery|metadata)\\.[a-z_]+\\s*\\(\\$1'
      group by 1 having sum(s.calls) >= ${CALLS_MIN} order by mean desc`)
    const [slowest] = rows
    if (slowest === undefined) return { answer: 'cannot tell', evidence: [`none was called ${CALLS_MIN} times`] }
    const evidence = rows
      .slice(0, 3)
      .map(({ name, calls, mean }) => `${name}: ${mean.toFixed(2)} ms, ${count(calls)} calls`)
    return { answer: slowest.mean < MEAN_MAX_MS ? 'yes' : 'no', evidence }
  },
})
