import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly commits: number
  readonly rollbacks: number
}

/** Transactions below which a share means nothing. */
export const TRANSACTIONS_MIN = 10_000

/** Q9: work that is thrown away. */
export const rollbacks = defineCheck<Row>({
  id: 'rollbacks',
  title: 'Many transactions are rolled back',
  area: 'statements',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'What is rolled back was done for nothing, and leaves dead rows. Errors that nobody looks at are the usual reason, or a framework that ends reads with ROLLBACK.',
  when: 'Of ten thousand transactions and more since the statistics were reset, a larger share than the threshold was rolled back.',
  advice:
    'Look for errors in the log. Where reads end with ROLLBACK on purpose, this is harmless: ignore it with that reason.',
  uses: ['rollbackShare'],
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('commits', d.xact_commit, 'rollbacks', d.xact_rollback)) as found
    from pg_stat_database d where d.datname = current_database()`,
  evaluate: (rows, { thresholds: { rollbackShare } }) =>
    rows
      .filter(({ commits, rollbacks: n }) => commits + n >= TRANSACTIONS_MIN && n > rollbackShare * (commits + n))
      .map(({ commits, rollbacks: n }) => ({
        object: 'rollbacks',
        summary: `${percent(n / (commits + n))} of ${count(commits + n)} transactions were rolled back.`,
        remedy: {
          text: 'Look for errors in the log of the server and of the application.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
