import type { StatementRule } from '../../rule.js'
import { as, lastWord, stringOf } from '../../sql/tree.js'

/** Settings that carry who is asking, or how a query searches. */
const CARRIED = /^(?!.*plpgsql)[a-z_]\w*\./i

export const sessionSetting: StatementRule = {
  on: 'sql',
  id: 'session-setting',
  level: 'error',
  summary:
    'SET, or set_config(…, false), of what belongs to one request: a tenant, a search parameter; under transaction pooling of anything.',
  why: 'The connection keeps it. Behind a pooler in transaction mode the next client on that connection has it too: it reads the rows of another tenant.',
  remedy:
    "In every transaction: `set local`, or `select set_config('app.tenant', $1, true)`; and let no row be visible while it is unset.",
  *check(statement, { pooling }) {
    if (statement.routine?.kind === 'function' && statement.routine.dynamic) return
    const set = statement.is('VariableSetStmt')
    if (
      set !== undefined &&
      set.is_local !== true &&
      set.name !== undefined &&
      /^VAR_SET_(VALUE|CURRENT|DEFAULT)$/.test(set.kind ?? '')
    ) {
      const isCarried = CARRIED.test(set.name)
      const [start] = [statement.start]
      const offset = statement.source.text.slice(start).match(/^set\s+(session\s+)?/i)
      const fix =
        statement.transaction === 'inside' && offset !== null
          ? { start, end: start + offset[0].length, text: /^SET/.test(offset[0]) ? 'SET LOCAL ' : 'set local ' }
          : undefined
      const found = {
        message: `${set.name} stays set on the connection, for whoever gets it next`,
        ...(fix && { fix }),
      }
      if (pooling !== 'session' && isCarried) yield found
      // psql keeps its connection to itself; a program that pools does not.
      else if (pooling === 'transaction' && !statement.migration) yield { ...found, level: 'warning' }
    }
    for (const { node } of statement.all('FuncCall')) {
      if (lastWord(node.funcname) !== 'set_config' || pooling === 'session') continue
      const isLocal = as(node.args?.[2], 'A_Const')?.boolval
      if (isLocal === undefined || isLocal.boolval === true) continue
      const name = stringOf(node.args?.[0])
      yield {
        at: node.location,
        message: `${name ?? 'the setting'} stays set on the connection, for whoever gets it next`,
      }
    }
  },
}
