import type { StatementRule } from '../../rule.js'
import { columnOf, lastWord, operatorOf, under } from '../../sql/tree.js'

export const hitRatio: StatementRule = {
  on: 'sql',
  id: 'cumulative-hit-ratio',
  level: 'info',
  summary: 'A cache hit ratio since statistics began.',
  why: 'It averages over months, so it tells nothing of today, and a read that the operating system had cached counts as a miss. Without nullif it divides by zero on a new database.',
  remedy: 'The difference between two readings of pg_stat_io (16 and later), and never as an alarm by itself.',
  *check(statement) {
    for (const { node } of statement.all('A_Expr')) {
      if (operatorOf({ A_Expr: node }) !== '/') continue
      const columns = under(node.lexpr, 'ColumnRef').map((each) => columnOf({ ColumnRef: each })?.name ?? '')
      if (!columns.some((name) => /^(heap_|idx_|toast_|tidx_)?blks_hit$/.test(name))) continue
      const isGuarded =
        under(node.rexpr, 'FuncCall').some((each) => lastWord(each.funcname) === 'nullif') ||
        JSON.stringify(node.rexpr).includes('AEXPR_NULLIF')
      const message = isGuarded
        ? 'a ratio since statistics began'
        : 'a ratio since statistics began, which divides by zero where nothing was read'
      yield { at: node.location, message }
      return
    }
  },
}
