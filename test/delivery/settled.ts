import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet, Tenant } from 'pgfleet'
import { sql } from '../setup/index.js'

/**
 * Waits until no transaction runs that is as old as those that wrote the tenant's rows: what follows transactions in
 * their order (rollups, seals) sees those rows from then on. Other databases of the server can hold it up for a while.
 */
export async function settled(fleet: Fleet, tenant: string, table: 'metrics' | 'audit'): Promise<void> {
  for (;;) {
    const [row] = await sql<{ behind: boolean }>(
      fleet,
      `select coalesce(max(transaction_id) >= pg_snapshot_xmin(pg_current_snapshot()), false) as behind
      from delivery.${table} where tenant_id = $1`,
      [tenant],
    )
    if (!row?.behind) return
    await sleep(20)
  }
}

/** Seals all of a tenant's audit, so many entries a seal. */
export async function sealAll(fleet: Fleet, tenant: Tenant, entriesMax = 1000): Promise<void> {
  await settled(fleet, tenant.id, 'audit')
  while ((await tenant.delivery.audit.seal({ entriesMax })).more) {
    // Until all is sealed.
  }
}
