// What a tenant may hold, where it may be very much: counted where it is limited, and held against the last count.
import type { Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, useFleet } from '../setup/tenant.js'

const fleet = useFleet()

const embedding = () => Array.from({ length: 384 }, Math.random)
const entity = (name: string) => ({ type: 'person', name })

/** A write that adds rows; the resource that it is counted as. */
const WRITES: [string, (tenant: Tenant, name: string) => Promise<unknown>][] = [
  ['vectors', ({ memory }) => memory.vectors.upsert({ embedding: embedding() })],
  ['entities', ({ memory }, name) => memory.graph.entities.assert(entity(name))],
  [
    'entities',
    ({ memory }, name) =>
      memory.graph.episodes.record({
        id: uuidv7(),
        changes: [{ op: 'assert', entity: { id: uuidv7(), ...entity(name) } }],
      }),
  ],
  ['events', ({ memory }) => memory.events.append({ type: 'a.b' })],
  ['hook_executions', ({ memory }) => memory.hooks.record({ id: uuidv7(), hookId: 'h', hookType: 'pre' })],
  ['key_values', ({ memory }, name) => memory.kv.set(name, 1)],
  ['workflows', ({ delivery }, name) => delivery.workflows.create({ name, tasks: [{ name: 't' }] })],
]

describe('a quota', () => {
  test.each(WRITES)('of %s holds from the next count on', async (resource, write) => {
    const tenant = await newTenant(fleet())
    const { tenants } = fleet()
    await write(tenant, 'one')
    await write(tenant, 'two')
    // Not counted where it is not limited.
    expect((await tenants.measure(tenant.id)).map((usage) => usage.resource)).not.toContain(resource)
    await tenants.setQuotas(tenant.id, { [resource]: 3 })
    expect(await tenants.measure(tenant.id)).toContainEqual(expect.objectContaining({ resource, rows: 2 }))
    await write(tenant, 'three')
    await tenants.measure(tenant.id)
    await failure(write(tenant, 'four'), 'QUOTA_EXCEEDED')
    // Another tenant's rows do not count.
    const other = await newTenant(fleet())
    await tenants.setQuotas(other.id, { [resource]: 1 })
    expect(await tenants.measure(other.id)).toContainEqual(expect.objectContaining({ resource, rows: 0 }))
    await write(other, 'one')
    await tenants.setQuotas(tenant.id, {})
    await write(tenant, 'four')
  })
})
