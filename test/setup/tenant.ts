import { randomUUID } from 'node:crypto'
import type { Fleet, FleetOptions, Tenant } from 'pgfleet'
import { v7 } from 'uuid'
import { beforeAll } from 'vitest'
import { openTestFleet } from './index.js'

export { failure, sql } from './index.js'

/** One fleet for the file, open while its tests run. */
export function useFleet(options: Omit<FleetOptions, 'url' | 'dataDir'> = {}): () => Fleet {
  let fleet: Fleet | undefined
  beforeAll(async () => {
    fleet = await openTestFleet(options)
  })
  return () => {
    if (fleet === undefined) throw new Error('the fleet is open inside tests only')
    return fleet
  }
}

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
