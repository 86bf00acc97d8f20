import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly evicted: number
  readonly seconds: number
  readonly max: number
}

/** Q1: does pg_stat_statements see the whole? */
export const statementEviction = defineCheck<Row>({
  id: 'statement-eviction',
  title: 'Statements that statistics forget',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  needs: { extension: 'pg_stat_statements' },
  scope: 'servers',
  absent: '',
  why: 'When pg_stat_statements is full it forgets the statements that ran least: sums over all statements are then too small, and it costs time.',
  when: 'It has thrown out statements more than once an hour since its last reset.',
  advice:
    'Look for statements that differ only in their texts (lists of literals, temporary names, comments); else raise pg_stat_statements.max.',
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('evicted', i.dealloc, 'max', current_setting('pg_stat_statements.max', true)::int,
      'seconds', extract(epoch from clock_timestamp() - i.stats_reset))) filter (where i.dealloc > 0) as found
    from {schema}.pg_stat_statements_info i`,
  evaluate: (rows) =>
    rows
      .filter(({ evicted, seconds }) => evicted / Math.max(seconds, 3600) > 1 / 3600)
      .map(({ evicted, max, seconds }) => ({
        object: 'setting pg_stat_statements.max',
        summary: `pg_stat_statements (${count(max)} statements) was emptied of the least used ones ${count(evicted)} times, ${(evicted / (seconds / 3600)).toFixed(1)} times an hour.`,
        remedy: {
          text: 'Make statements alike that differ in their text only; else double pg_stat_statements.max, which takes a restart.',
          lock: 'none; a restart ends all sessions',
          undo: 'set the old value',
        },
      })),
})
