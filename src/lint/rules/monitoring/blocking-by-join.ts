import type { StatementRule } from '../../rule.js'

export const blockingByJoin: StatementRule = {
  on: 'sql',
  id: 'blocking-by-join',
  level: 'warning',
  summary: 'Who blocks whom, by joining pg_locks with itself.',
  why: 'The join knows neither which modes conflict nor the queue: it names sessions that wait themselves as blockers.',
  remedy: '`pg_blocking_pids(pid)`, followed to its root, with pg_locks.waitstart for how long.',
  *check(statement) {
    const locks = statement.all('RangeVar').filter(({ node }) => node.relname === 'pg_locks')
    const asks = statement
      .all('FuncCall')
      .some(({ node }) => JSON.stringify(node.funcname).includes('pg_blocking_pids'))
    if (locks.length > 1 && !asks)
      yield { at: locks[1]?.node.location, message: 'it names waiting sessions as blockers' }
  },
}
