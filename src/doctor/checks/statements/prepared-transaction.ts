import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'

interface Row {
  readonly gid: string
  readonly literal: string
  readonly owner: string
  readonly database: string
  readonly age: number
  readonly here: boolean
}

/** Q3: transactions of two-phase commit that nobody has finished. */
export const preparedTransaction = defineCheck<Row>({
  id: 'prepared-transaction',
  title: 'Prepared transactions that nobody finishes',
  area: 'statements',
  level: 'error',
  order: ORDER.blocking,
  scope: 'prepared transactions',
  absent: 'there are no prepared transactions',
  why: 'A prepared transaction keeps its locks and its snapshot without a session, and survives a restart. It holds back vacuum until somebody commits it or rolls it back.',
  when: 'A transaction has been prepared for longer than the thresholds.',
  advice: 'Ask its transaction manager how it ended, then commit it or roll it back, in its database.',
  uses: ['preparedTransactionS', 'preparedTransactionErrorS'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('gid', p.gid, 'literal', quote_literal(p.gid), 'owner', p.owner,
        'database', p.database, 'age', extract(epoch from clock_timestamp() - p.prepared),
        'here', p.database = current_database()) order by p.prepared) as found
    from pg_prepared_xacts p`,
  evaluate: (rows, { thresholds: { preparedTransactionS, preparedTransactionErrorS } }) =>
    rows
      .filter(({ age }) => age >= preparedTransactionS)
      .map(({ gid, literal, owner, database, age, here }) => ({
        object: `prepared transaction ${gid} in ${database}`,
        level: age >= preparedTransactionErrorS ? ('error' as const) : ('warning' as const),
        summary: `Transaction '${gid}' of ${owner} in ${database} was prepared ${duration(age)} ago.`,
        remedy: {
          text: `Ask the transaction manager whether it committed; this rolls it back${here ? '' : `, in database ${database}`}.`,
          ...(here ? { sql: [`rollback prepared ${literal}`] } : {}),
          lock: 'none; it releases its own',
          undo: 'none: what it wrote is gone, so be sure that it was not committed elsewhere',
        },
      })),
})
