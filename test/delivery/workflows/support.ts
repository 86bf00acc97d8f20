import type { Fleet, Tenant } from 'pgfleet'
import type { NewTask } from 'pgfleet/delivery'
import { sql } from '../../setup/index.js'

export { newTenant } from '../../setup/tenant.js'

/** Makes the leases of a tenant's jobs run out, as if their workers had died long ago. */
export async function expireLeases(fleet: Fleet, tenant: Tenant): Promise<void> {
  await sql(
    fleet,
    `update delivery.jobs set available_at = now() - interval '1 second' where tenant_id = $1 and lease is not null`,
    [tenant.id],
  )
}

/** Makes what waits for its next attempt ready. */
export async function skipDelays(fleet: Fleet, tenant: Tenant): Promise<void> {
  await sql(
    fleet,
    `update delivery.jobs set available_at = now() - interval '1 second' where tenant_id = $1 and lease is null`,
    [tenant.id],
  )
}

/** What the audit holds of a tenant, oldest first. */
export async function auditOf(fleet: Fleet, tenant: Tenant): Promise<Record<string, unknown>[]> {
  return await sql(
    fleet,
    `select entity_type, entity_id, action, result, actor_id, correlation_id, changes from delivery.audit
    where tenant_id = $1 order by transaction_id, sequence`,
    [tenant.id],
  )
}

/** Tasks by name and what they wait for, all of the type `job`. */
export const graph = (edges: Readonly<Record<string, readonly string[]>>, rest: Partial<NewTask> = {}): NewTask[] =>
  Object.entries(edges).map(([name, dependsOn]) => ({ name, type: 'job', dependsOn, ...rest }))
