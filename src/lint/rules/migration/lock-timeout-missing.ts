import { lockedTable } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import type { Statement } from '../../sql/statement.js'
import { as, words } from '../../sql/tree.js'

export const lockTimeout: StatementRule = {
  on: 'sql',
  id: 'lock-timeout-missing',
  level: 'warning',
  summary: 'A migration that locks a table without a lock_timeout.',
  why: 'While it waits for one long query, every later query on the table waits behind it: an outage as long as that query.',
  remedy: "`set local lock_timeout = '3s'` before the first of them, and try again when it fires.",
  *check(statement, { statements }) {
    if (!statement.migration || !statement.runsWithFile || statement.routine !== undefined) return
    const locked = lockedTable(statement, statements)
    if (locked === undefined) return
    const before = statements.filter((each) => each.start < statement.start && each.routine === undefined)
    if (before.some(setsLockTimeout)) return
    // Once a file is enough.
    if (before.some((each) => lockedTable(each, statements) !== undefined)) return
    yield { message: `it waits for a lock on ${locked} without end, and others wait behind it` }
  },
}

function setsLockTimeout(statement: Statement): boolean {
  if (statement.is('VariableSetStmt')?.name === 'lock_timeout') return true
  return statement.all('FuncCall').some(({ node }) => {
    const name = as(node.args?.[0], 'A_Const')?.sval?.sval
    return words(node.funcname).at(-1) === 'set_config' && name === 'lock_timeout'
  })
}
