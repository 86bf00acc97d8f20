import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService, type ServiceContext } from '../service.js'
import { type TenantStep, tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const FIND = statement<{ schema_name: string; table_name: string; partition_name: string }>(
  'platform.find_retired_partitions',
  'select f.schema_name, f.table_name, f.partition_name from platform.find_retired_partitions() f',
)
const DROP = statement<{ size_bytes: number; kept_by: string | null }>(
  'platform.drop_retired_partition',
  `select d.size_bytes, d.kept_by
  from platform.drop_retired_partition($1::text, $2::text, $3::text, $4::boolean) d`,
)
const FIND_TABLES = statement<{ schema_name: string; table_name: string }>(
  'platform.find_row_retention',
  'select f.schema_name, f.table_name from platform.find_row_retention() f',
)
const DELETE = statement<{ deleted: number }>(
  'platform.delete_retired_rows',
  'select platform.delete_retired_rows($1::text, $2::text, $3::text, $4::integer) as deleted',
)
const PRUNE_WEBHOOKS = statement<{ deleted: number }>(
  'platform.retire_webhooks',
  `select delivery.prune_webhooks($1::text, p.keep, $2::integer, '{"actor_type": "system", "actor_id": "pgfleet"}'::jsonb) as deleted
  from platform.retention_policies p
  where p.tenant_id = $1::text and p.schema_name = 'delivery' and p.table_name = 'webhook_deliveries'`,
)
const PRUNE_GRAPH = statement<{ deleted: number }>(
  'platform.retire_graph_versions',
  `select memory.prune_graph($1::text, now() - p.keep, $2::integer) as deleted
  from platform.retention_policies p
  where p.tenant_id = $1::text and p.schema_name = 'memory' and p.table_name = 'entity_versions'`,
)
const PRUNE_ROLLUPS = statement<{ deleted: number }>(
  'platform.retire_metric_rollups',
  `select delivery.prune_metric_rollups($1::text, replace(p.table_name, '_rollups', ''), p.keep, $3::integer) as deleted
  from platform.retention_policies p
  where p.tenant_id = $1::text and p.schema_name = 'delivery' and p.table_name = $2::text`,
)

/** Retires what nobody wants kept: whole partitions where all tenants agree, rows of those who want less. */
export const retention = defineService({
  name: 'retention',
  description: 'drops partitions that no tenant wants kept, and removes rows of tenants who want less than others',
  intervalMs: 3_600_000,
  options: z.strictObject(batchOptions(5000)),
  statements: [FIND, DROP, FIND_TABLES, DELETE, PRUNE_WEBHOOKS, PRUNE_GRAPH, PRUNE_ROLLUPS],
  async runOnce(context, { rowsMax, batchesMax }) {
    for (const due of await context.query(FIND, [])) {
      const { schema_name: schema, table_name: table, partition_name: partition } = due
      const object = `${schema}.${partition}`
      await context.attempt(object, () => drop(context, object, [schema, table, partition, context.dryRun]))
    }
    const tables = await context.query(FIND_TABLES, [])
    const steps = tables.map(({ schema_name: schema, table_name: table }) => stepOf(schema, table))
    if (steps.length > 0) await walkTenants(context, steps, { rowsMax, batchesMax, removes: true })
  },
})

async function drop(context: ServiceContext, object: string, values: readonly unknown[]) {
  const [row] = await context.batch((run) => run(DROP, values))
  if (row === undefined) return
  if (row.kept_by !== null) {
    context.report.item({ action: 'kept', object, note: `tenant ${row.kept_by} keeps its rows, or a legal hold does` })
    return
  }
  context.report.item({ action: 'dropped', object, bytes: row.size_bytes })
  context.report.count({ bytes: row.size_bytes })
}

/** The step for a table: logs by their months, webhooks, the graph and rollups by functions of their own. */
function stepOf(schema: string, table: string): TenantStep {
  const name = `${schema}.${table}`
  const read = (rows: readonly { deleted: number }[], asked: number) => {
    const deleted = rows[0]?.deleted ?? 0
    return { counts: { [name]: deleted }, more: deleted >= asked }
  }
  if (table === 'webhook_deliveries') {
    return tenantStep({ statement: PRUNE_WEBHOOKS, values: (tenant, rows) => [tenant, rows], read })
  }
  if (table === 'entity_versions') {
    return tenantStep({ statement: PRUNE_GRAPH, values: (tenant, rows) => [tenant, rows], read })
  }
  if (/^(minute|hour|day)_rollups$/.test(table)) {
    return tenantStep({ statement: PRUNE_ROLLUPS, values: (tenant, rows) => [tenant, table, rows], read })
  }
  return tenantStep({
    statement: DELETE,
    asOperator: true,
    values: (tenant, rows) => [tenant, schema, table, rows],
    read,
  })
}
