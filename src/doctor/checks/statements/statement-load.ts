import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly key: string
  readonly query: string
  readonly calls: number
  readonly ms: number
  readonly rows: number
  readonly temporary: number
}

/** Statements that are told of. */
const TOLD = 5

/** Q1: what the server spends its time with, while it is watched. */
export const statementLoad = defineCheck<Row>({
  id: 'statement-load',
  title: 'Statements that take the most time',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  depth: 'sample',
  needs: { extension: 'pg_stat_statements' },
  scope: 'statements',
  absent: 'pg_stat_statements has seen no statement',
  blind: 'the login may not read the statements of others: grant pg_read_all_stats to it',
  why: 'Sums since the last reset tell of the past. What took time while you watched is what to look at.',
  when: 'A statement of this database took a tenth and more of all time of statements while sampling, and took statementMs on average or was called statementCalls times.',
  advice: 'Look at its plan with EXPLAIN (ANALYZE, BUFFERS).',
  uses: ['statementMs', 'statementCalls'],
  sql: `
    select count(*)::int as total, count(*) filter (where s.queryid is not null)::int as examined,
      jsonb_agg(jsonb_build_object('key', s.userid || '/' || s.queryid || '/' || s.toplevel, 'query', left(s.query, 1000), 'calls', s.calls,
        'ms', s.total_exec_time, 'rows', s.rows, 'temporary', s.temp_blks_written)) filter (where s.queryid is not null) as found
    from {schema}.pg_stat_statements s where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.toplevel
      -- Not those of this examination itself.
      and s.query !~ '\\yas examined\\y'`,
  evaluate: (rows, { before, seconds, thresholds: { statementMs, statementCalls } }) => {
    const first = new Map((before as Row[]).map((row) => [row.key, row]))
    const spent = rows.map((row) => {
      const { calls = 0, ms = 0 } = first.get(row.key) ?? {}
      return { ...row, calls: row.calls - calls, ms: row.ms - ms }
    })
    const total = spent.reduce((sum, { ms }) => sum + Math.max(0, ms), 0)
    return spent
      .filter(
        ({ ms, calls }) => calls > 0 && ms >= 0.1 * total && (ms / calls >= statementMs || calls >= statementCalls),
      )
      .toSorted((a, b) => b.ms - a.ms)
      .slice(0, TOLD)
      .map(({ key, query, calls, ms, temporary }) => ({
        object: `statement ${key}`,
        summary: `${percent(ms / total)} of the time of statements: ${count(calls)} calls, ${(ms / calls).toFixed(2)} ms on average, ${percent(ms / 1000 / seconds)} of one core.`,
        evidence: [redact(query), ...(temporary > 0 ? ['it has written temporary files'] : [])],
        remedy: { text: 'Look at its plan: EXPLAIN (ANALYZE, BUFFERS).', lock: 'none', undo: 'none needed' },
      }))
  },
})
