import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const parentStorageParameters: StatementRule = {
  on: 'sql',
  id: 'parent-storage-parameters',
  level: 'error',
  summary: 'Storage parameters on a partitioned table.',
  why: 'PostgreSQL refuses them ("cannot specify storage parameters for a partitioned table"): the parent stores nothing.',
  remedy:
    'Set them on each partition, and where partitions are created. Autovacuum never analyses the parent: schedule ANALYZE for it.',
  *check(statement, { catalog }) {
    const create = statement.is('CreateStmt')
    if (create?.partspec !== undefined && (create.options?.length ?? 0) > 0) {
      yield {
        at: as(create.options?.[0], 'DefElem')?.location,
        message: `${create.relation?.relname} is partitioned and stores nothing itself`,
      }
    }
    const alter = statement.is('AlterTableStmt')
    const table =
      alter?.relation === undefined ? undefined : catalog.find(alter.relation.schemaname, alter.relation.relname ?? '')
    if (table?.partitionKey === undefined) return
    for (const each of alter?.cmds ?? []) {
      const command = as(each, 'AlterTableCmd')
      if (command?.subtype !== 'AT_SetRelOptions') continue
      const [first] = as(command.def, 'List')?.items ?? []
      yield { at: as(first, 'DefElem')?.location, message: `${table.name} is partitioned and stores nothing itself` }
    }
  },
}
