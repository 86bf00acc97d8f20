import type { StatementRule } from '../../rule.js'
import { relationsOf } from '../../sql/scope.js'
import { columnOf } from '../../sql/tree.js'

export const partitionKeyMissing: StatementRule = {
  on: 'sql',
  id: 'partition-key-missing',
  level: 'info',
  summary: 'A query on a partitioned table that says nothing of the partition key.',
  why: 'Every partition is planned, locked and searched.',
  remedy: 'Bound the key, as by a range of time.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const kind of ['SelectStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      for (const query of statement.all(kind)) {
        for (const { table, range } of relationsOf(query, catalog)) {
          if (table?.partitionKey === undefined || table.partitionKey.length === 0) continue
          // Named anywhere in the statement, in a join or around a subquery, it may bound the search.
          const named = statement.all('ColumnRef').some((each) => {
            const column = columnOf({ ColumnRef: each.node })
            return (
              each.parent?.kind !== 'ResTarget' &&
              each.parent?.kind !== 'SortBy' &&
              column !== undefined &&
              table.partitionKey?.includes(column.name)
            )
          })
          if (!named)
            yield {
              at: range?.location,
              message: `all partitions of ${table.name} are searched: nothing bounds ${table.partitionKey.join(', ')}`,
            }
        }
      }
    }
  },
}
