import type { Catalog } from './catalog.js'
import { quoted, tableName } from './definition.js'
import type { WorkloadStatement } from './workload.js'

/** The statements by which the server looks for rows that refer to one that is deleted; none where nothing is. `scale` turns counts of tables into those of the workload. */
export function foreignKeyChecks({ foreignKeys, tables }: Catalog, scale: number): WorkloadStatement[] {
  return foreignKeys.flatMap(({ name, tableOid, columns, parentDeletes }) => {
    const table = tables.find(({ oid }) => oid === tableOid)
    if (table === undefined || parentDeletes === 0) return []
    const condition = columns.map((column, n) => `x.${quoted(column)} = $${n + 1}`).join(' and ')
    return [
      {
        query: `select 1 from ${tableName({ schema: table.schema, table: table.name })} x where ${condition}`,
        calls: parentDeletes * scale,
        milliseconds: undefined,
        // The check is done with the rights of the table's owner.
        role: table.owner,
        foreignKey: name,
      },
    ]
  })
}
