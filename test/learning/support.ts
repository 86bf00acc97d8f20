import { randomUUID } from 'node:crypto'
import type { Fleet, Tenant } from 'pgfleet'
import type { Json } from 'pgfleet/learning'
import { beforeAll } from 'vitest'
import { openTestFleet, sql } from '../setup/index.js'
import { contentHash } from './reference.js'

export { failure, sql } from '../setup/index.js'

/** One fleet for the file, open while its tests run. */
export function useFleet(): () => Fleet {
  let fleet: Fleet | undefined
  beforeAll(async () => {
    fleet = await openTestFleet()
  })
  return () => {
    if (fleet === undefined) throw new Error('the fleet is open inside tests only')
    return fleet
  }
}

/** A tenant of its own for a test, with the default agent types. */
export async function newTenant(fleet: Fleet): Promise<Tenant> {
  const id = `t-${randomUUID()}`
  await fleet.tenants.create({ id })
  return fleet.tenant(id)
}

/** Lets an action value expire; false when there is none. */
export async function expire(
  fleet: Fleet,
  tenant: string,
  agentType: string,
  state: Json,
  action: Json,
): Promise<boolean> {
  const rows = await sql(
    fleet,
    `update learning.q_values set expires_at = now() - interval '1 second'
    where tenant_id = $1 and agent_type = $2 and state_hash = $3 and action_hash = $4
    returning 1`,
    [tenant, agentType, contentHash(state), contentHash(action)],
  )
  return rows.length > 0
}

/** Whole numbers below a bound, the same for the same seed (xorshift32). */
export function pick(seed: number): (below: number) => number {
  let state = (seed + 1) * 0x9e3779b1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** The time so many days from now, in milliseconds. */
export function dayOffset(days: number): number {
  return Date.now() + days * 86_400_000
}

/** Drops every partition of a table of the store, as in a database that has just been migrated. */
export async function dropPartitions(fleet: Fleet, table: string): Promise<void> {
  const partitions = await sql<{ name: string }>(
    fleet,
    'select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass',
    [`learning.${table}`],
  )
  for (const { name } of partitions) await sql(fleet, `drop table ${name}`)
}
