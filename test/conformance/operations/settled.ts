import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from '../operation.js'

/** Waits until what follows transactions in their order sees the rows of the tenant: no transaction as old runs. */
export async function untilSettled({ sql, tenant }: Place, table: 'metrics' | 'audit'): Promise<void> {
  for (;;) {
    const [row] = await sql(
      `select coalesce(max(transaction_id) >= pg_snapshot_xmin(pg_current_snapshot()), false) as behind
      from delivery.${table} where tenant_id = $1`,
      [tenant],
    )
    if (!row?.behind) return
    await sleep(20)
  }
}
