import type { StatementRule } from '../../rule.js'
import { relationsOf } from '../../sql/scope.js'
import { columnOf } from '../../sql/tree.js'

const TENANT = /^(tenant|tenant_id|org_id|organization_id|organisation_id|account_id|workspace_id)$/

export const tenantPredicate: StatementRule = {
  on: 'sql',
  id: 'tenant-predicate',
  level: 'warning',
  summary: 'A query on a table of many tenants without row-level security that says nothing of the tenant.',
  why: 'It reads, or writes, the rows of all tenants.',
  remedy: 'Compare the tenant column, or protect the table by row-level security.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true || statement.migration) return
    for (const kind of ['SelectStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      for (const query of statement.all(kind)) {
        for (const { table, range } of relationsOf(query, catalog)) {
          if (table === undefined || table.kind === 'view' || table.rowSecurity || table.policies > 0) continue
          // Only where the tenant leads a key is the table divided by it, and not a table of tenants.
          const tenant = [...table.columns.keys()].find(
            (name) =>
              TENANT.test(name) &&
              table.indexes.some((index) => index.unique && index.columns.length > 1 && index.columns[0] === name),
          )
          if (tenant === undefined) continue
          const named = statement
            .all('ColumnRef')
            .some(({ node, parent }) => columnOf({ ColumnRef: node })?.name === tenant && parent?.kind !== 'ResTarget')
          if (!named)
            yield {
              at: range?.location,
              message: `the rows of all tenants in ${table.name} are meant: nothing is said of ${tenant}`,
            }
        }
      }
    }
  },
}
