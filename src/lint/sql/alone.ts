import type { Statement } from './statement.js'
import { as } from './tree.js'

/** The words of a statement that has to run outside any transaction; undefined for others. */
export function alone(statement: Statement): string | undefined {
  const vacuum = statement.is('VacuumStmt')
  if (vacuum !== undefined) return vacuum.is_vacuumcmd === true ? 'VACUUM' : undefined
  if (statement.is('IndexStmt')?.concurrent === true) return 'CREATE INDEX CONCURRENTLY'
  const drop = statement.is('DropStmt')
  if (drop?.concurrent === true) return 'DROP INDEX CONCURRENTLY'
  const reindex = statement.is('ReindexStmt')
  if (reindex !== undefined) {
    if ((reindex.params ?? []).some((each) => as(each, 'DefElem')?.defname === 'concurrently'))
      return 'REINDEX CONCURRENTLY'
    if (/_(DATABASE|SYSTEM|SCHEMA)$/.test(reindex.kind ?? '')) return 'REINDEX of a schema or database'
    return undefined
  }
  const detach = statement.is('AlterTableStmt')
  for (const each of detach?.cmds ?? []) {
    const command = as(each, 'AlterTableCmd')
    if (command?.subtype === 'AT_DetachPartition' && as(command.def, 'PartitionCmd')?.concurrent === true) {
      return 'DETACH PARTITION CONCURRENTLY'
    }
  }
  switch (statement.kind) {
    case 'CreatedbStmt':
      return 'CREATE DATABASE'
    case 'DropdbStmt':
      return 'DROP DATABASE'
    case 'CreateTableSpaceStmt':
      return 'CREATE TABLESPACE'
    case 'DropTableSpaceStmt':
      return 'DROP TABLESPACE'
    case 'AlterSystemStmt':
      return 'ALTER SYSTEM'
    default:
      return undefined
  }
}
