import type { StatementRule } from '../../rule.js'

export const refreshView: StatementRule = {
  on: 'sql',
  id: 'refresh-without-concurrently',
  level: 'info',
  summary: 'REFRESH MATERIALIZED VIEW without CONCURRENTLY.',
  why: 'Nobody reads the view until it is filled.',
  remedy: 'REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view.',
  *check(statement) {
    const refresh = statement.is('RefreshMatViewStmt')
    if (refresh === undefined || refresh.concurrent === true || refresh.skipData === true) return
    yield { at: refresh.relation?.location, message: `readers of ${refresh.relation?.relname} wait until it is filled` }
  },
}
