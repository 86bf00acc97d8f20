import type { Fleet, Tenant } from 'pgfleet'
import type { MetadataStore } from 'pgfleet/metadata'
import { sql } from '../setup/tenant.js'

/** The metadata store as an agent has it. */
export function asAgent(tenant: Tenant, id: string): MetadataStore {
  return tenant.as({ actor: { type: 'agent', id } }).metadata
}

/** What was logged of a tenant, in the order of transactions. */
export async function changesOf(
  fleet: Fleet,
  tenant: string,
): Promise<
  {
    sync_group: string
    kind: string
    names: string[]
    channels: (string | null)[]
    keys: string[]
    agent_ids: string[]
  }[]
> {
  return await sql(
    fleet,
    `select sync_group, kind, names, channels, keys, agent_ids from metadata.changes
    where tenant_id = $1 order by transaction_id, sequence`,
    [tenant],
  )
}

/** A generator of whole numbers below a limit, the same for the same seed. */
export function pick(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
