import type { StatementRule } from '../../rule.js'
import { as, numberOf, stringOf } from '../../sql/tree.js'

export const tableVacuumCost: StatementRule = {
  on: 'sql',
  id: 'table-vacuum-cost',
  level: 'warning',
  summary: 'A table with an autovacuum_vacuum_cost_delay or cost_limit of its own.',
  why: 'Its worker leaves the budget that all workers share, and is no longer balanced with them. A limit of 1000 every 10 ms is what the defaults allow: 200 every 2 ms.',
  remedy:
    'Set autovacuum_vacuum_cost_limit for the server (1000 to 2000 at 2 ms), and a smaller scale factor or a threshold for the table.',
  *check(statement) {
    for (const options of optionsOf(statement)) {
      const value = (name: string) => {
        const option = options.find((each) => each.defname === name)
        return option === undefined ? undefined : (numberOf(option.arg) ?? Number(stringOf(option.arg)))
      }
      const [delay, limit] = [value('autovacuum_vacuum_cost_delay'), value('autovacuum_vacuum_cost_limit')]
      if (delay === undefined && limit === undefined) continue
      const at = options.find((each) => each.defname?.startsWith('autovacuum_vacuum_cost'))?.location
      const rate = delay === undefined || limit === undefined || delay === 0 ? undefined : limit / delay
      if (rate !== undefined && rate <= 100) {
        yield {
          at,
          message: `${limit} every ${delay} ms is ${rate === 100 ? 'exactly' : 'less than'} what the defaults allow, and outside the shared budget`,
        }
      } else yield { at, level: 'info', message: 'the worker of this table is outside the shared budget' }
    }
  },
}

function optionsOf(statement: Parameters<StatementRule['check']>[0]) {
  const created = statement.is('CreateStmt')?.options
  const altered = (statement.is('AlterTableStmt')?.cmds ?? []).flatMap((each) => {
    const command = as(each, 'AlterTableCmd')
    return command?.subtype === 'AT_SetRelOptions' ? [as(command.def, 'List')?.items ?? []] : []
  })
  return [...(created === undefined ? [] : [created]), ...altered].map((list) =>
    list.flatMap((each) => as(each, 'DefElem') ?? []),
  )
}
