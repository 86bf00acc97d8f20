import { randomUUID } from 'node:crypto'
import type { Fleet, Tenant } from 'pgfleet'
import { v7 } from 'uuid'

/** A tenant of its own for a test. */
export async function newTenant(fleet: Fleet): Promise<Tenant> {
  const id = `t-${randomUUID()}`
  await fleet.tenants.create({ id })
  return fleet.tenant(id)
}

/** A UUIDv7 of so many milliseconds from now. */
export function idAt(offsetMs: number): string {
  return v7({ msecs: Date.now() + offsetMs })
}

export const DAY = 86_400_000
