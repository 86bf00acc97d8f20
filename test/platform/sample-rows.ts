import type { FleetError } from 'pgfleet'
import { v7 } from 'uuid'

/** Runs a statement somewhere. */
export type Query = (
  text: string,
  values?: readonly unknown[],
) => Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>

/** A table, partition or view that holds tenants' rows. */
export interface TenantRelation {
  readonly name: string
  readonly kind: 'table' | 'partition' | 'view'
}

/** Every relation of ours with a tenant_id, as the catalog knows them. */
export async function tenantRelations(query: Query): Promise<TenantRelation[]> {
  const { rows } = await query(`
    select c.oid::regclass::text as name, case when c.relkind = 'v' then 'view' when c.relispartition then 'partition' else 'table' end as kind
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relkind in ('r', 'p', 'v')
    order by 1`)
  return rows as unknown as TenantRelation[]
}

/** Values that a check or a foreign key asks for, by column or table and column; everything else follows from the type. */
const VALUES: Readonly<Record<string, string>> = {
  agent_type: `'test-generator'`,
  'delivery.audit_log.action': `'delete'`,
  'delivery.agent_sessions.agent_type': `'reviewer'`,
  'delivery.agent_interactions.interaction_type': `'chat'`,
  'delivery.agent_interactions.status': `'completed'`,
  'delivery.pull_request_reviews.state': `'approved'`,
  'delivery.checks.check_kind': `'run'`,
  reward_type: `'immediate'`,
  expires_at: `now() + interval '1 day'`,
  codec: `'none'`,
  category: `'usage'`,
  metric_type: `'gauge'`,
  'delivery.metric_rollups.resolution': `'hour'`,
  'delivery.metric_rollups.sketch_keys': `'{1}'`,
  'delivery.metric_rollups.sketch_counts': `'{1}'`,
  'metadata.sync_groups.tick_ms': '50',
  'metadata.changes.kind': `'entities'`,
}

const BY_TYPE: Readonly<Record<string, string>> = {
  text: `'some'`,
  uuid: `'${v7()}'`,
  jsonb: `'{}'`,
  bytea: `'\\x${'ab'.repeat(32)}'`,
  boolean: 'true',
  integer: '1',
  bigint: '1',
  'double precision': '1',
  xid8: `'1'`,
  'uuid[]': `array['${v7()}']::uuid[]`,
  'integer[]': `'{}'`,
  'bigint[]': `'{}'`,
  'timestamp with time zone': 'now()',
  interval: `'2 days'`,
}

/** Values of columns that may be null, where a check or a view asks for one. */
const NULLABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'delivery.metrics': { numeric_value: '1' },
  'delivery.pull_requests': { workflow_id: `${BY_TYPE.uuid}` },
  'metadata.entries': { text_value: `'some'` },
  'metadata.volatile_entries': { text_value: `'some'` },
}

/** An insert of one legal row of the tenant `$1`, made from the catalog; fails for a type it does not know. */
export async function insertOf(query: Query, table: string): Promise<string> {
  const { rows } = await query(
    `select a.attname as name, format_type(a.atttypid, null) as type, a.atttypmod as modifier from pg_attribute a
    where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef`,
    [table],
  )
  const columns = rows as { name: string; type: string; modifier: number }[]
  const values = columns.map(({ name, type, modifier }) => {
    // A vector's modifier is its dimensions.
    const vector = /\b(vector|halfvec)$/.test(type) ? `array_fill(1::real, array[${modifier}])` : undefined
    const value = name === 'tenant_id' ? '$1' : (VALUES[`${table}.${name}`] ?? VALUES[name] ?? BY_TYPE[type] ?? vector)
    if (value === undefined) throw new Error(`${table}.${name}: no sample value for ${type}; add one to BY_TYPE`)
    return value
  })
  const more = NULLABLE[table] ?? {}
  const names = [...columns.map(({ name }) => name), ...Object.keys(more)]
  return `insert into ${table} (${names.join(', ')}) values (${[...values, ...Object.values(more)].join(', ')})`
}

/** Gives every table a row of each tenant; tables that others refer to come first, by trying again. */
export async function seed(query: Query, tenants: readonly string[]): Promise<void> {
  await query(
    'select platform.ensure_partition(r.schema_name, r.table_name, platform.uuid_floor(now())) from platform.partitioned_tables r',
  )
  let left = (await tenantRelations(query)).filter(({ kind }) => kind === 'table')
  for (let round = 0; left.length > 0; round++) {
    const failed: TenantRelation[] = []
    for (const relation of left) {
      const insert = await insertOf(query, relation.name)
      try {
        for (const tenant of tenants) await query(`${insert} on conflict do nothing`, [tenant])
      } catch (error) {
        const { sqlstate } = (error as FleetError).details
        if (sqlstate !== '23503' || round > 5) throw error
        failed.push(relation)
      }
    }
    left = failed
  }
}
