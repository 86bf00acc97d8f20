import type { Constraint } from 'libpg-query'
import { partitionColumns } from '../../catalog/changes.js'
import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const uniqueWithoutPartitionKey: StatementRule = {
  on: 'sql',
  id: 'unique-without-partition-key',
  level: 'error',
  summary: 'A primary key or unique index of a partitioned table that lacks a column of the partition key.',
  why: 'PostgreSQL refuses it ("unique constraint on partitioned table must include all partitioning columns"): each partition knows only its own rows.',
  remedy: 'Put the partition key first: `primary key (completed_at, id)`; a UUIDv7 carries the time itself.',
  *check(statement, { catalog }) {
    const create = statement.is('CreateStmt')
    if (create?.partspec !== undefined) {
      const key = partitionColumns(create.partspec.partParams)
      const hasExpression = key.length < (create.partspec.partParams?.length ?? 0)
      for (const element of create.tableElts ?? []) {
        const column = as(element, 'ColumnDef')
        const constraints = [element, ...(column?.constraints ?? [])].flatMap((each) => as(each, 'Constraint') ?? [])
        for (const constraint of constraints) {
          const named = words(constraint.keys)
          const columns = named.length > 0 ? named : column?.colname === undefined ? [] : [column.colname]
          yield* missing(constraint, columns, key, hasExpression)
        }
      }
    }
    const index = statement.is('IndexStmt')
    const alter = statement.is('AlterTableStmt')
    const relation = index?.unique === true ? index.relation : alter?.relation
    const table = relation === undefined ? undefined : catalog.find(relation.schemaname, relation.relname ?? '')
    if (table?.partitionKey === undefined) return
    if (index !== undefined) {
      const columns = (index.indexParams ?? []).flatMap((each) => as(each, 'IndexElem')?.name ?? [])
      yield* missing(
        { contype: 'CONSTR_UNIQUE', location: relation?.location ?? statement.start },
        columns,
        table.partitionKey,
        false,
      )
    }
    for (const each of alter?.cmds ?? []) {
      const constraint = as(as(each, 'AlterTableCmd')?.def, 'Constraint')
      if (constraint?.indexname === undefined && constraint !== undefined) {
        yield* missing(constraint, words(constraint.keys), table.partitionKey, false)
      }
    }
  },
}

function* missing(constraint: Constraint, columns: readonly string[], key: readonly string[], hasExpression: boolean) {
  if (constraint.contype !== 'CONSTR_PRIMARY' && constraint.contype !== 'CONSTR_UNIQUE') return
  const lacking = key.filter((each) => !columns.includes(each))
  if (hasExpression)
    yield {
      at: constraint.location,
      message: 'a partition key with an expression allows no primary key or unique constraint',
    }
  else if (lacking.length > 0)
    yield { at: constraint.location, message: `the key lacks ${lacking.join(', ')}, by which the table is partitioned` }
}
