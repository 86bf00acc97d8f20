// What the server is told of a call's durability: on a server where nothing gets to the disk but what is waited for.
import type pg from 'pg'
import { type Fleet, openFleet, type Tenant } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers, startServer, UNHURRIED } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const DIRECT = await onScratchServers()

DIRECT.describe('a commit', () => {
  let fleet: Fleet
  let other: Fleet
  let tenant: Tenant
  let client: pg.Client
  beforeAll(async () => {
    const server = await startServer(17, { settings: UNHURRIED })
    fleet = await openFleet({ url: server.url })
    other = await openFleet({ url: server.url })
    afterFile(async () => void (await Promise.all([fleet.close(), other.close()])))
    tenant = await newTenant(fleet)
    client = await server.client()
  }, 60_000)

  const isOnDisk = async () =>
    (await client.query('select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() as is_on_disk')).rows[0]
      .is_on_disk

  test('waits for the disk, unless the call says that it need not', async () => {
    const { kv, events } = tenant.memory
    await kv.set('k', 1)
    expect(await isOnDisk()).toBe(true)
    await kv.set('k', 2, { durability: 'async' })
    expect(await isOnDisk()).toBe(false)
    await kv.set('k', 3)
    expect(await isOnDisk()).toBe(true)
    await tenant.transaction(async (tx) => void (await tx.memory.kv.set('k', 4)), { durability: 'async' })
    expect(await isOnDisk()).toBe(false)
    await events.append({ type: 'x' })
    expect(await isOnDisk()).toBe(true)
    await events.append([{ type: 'x' }, { type: 'x' }], { durability: 'async' })
    expect(await isOnDisk()).toBe(false)
    expect(await kv.get('k')).toBe(4)
  })

  test('of metadata waits where the group asks for it, also when the process does not know yet', async () => {
    const { metadata } = tenant
    await metadata.groups.set({ name: 'G', durability: 'async' })
    await metadata.entities.create({ name: 'e', syncGroup: 'G' })
    // The first write tells what the group is.
    for (const value of [1, 2]) await metadata.set({ entity: 'e', key: 'k', value })
    expect(await isOnDisk()).toBe(false)
    await metadata.set({ entity: 'e', key: 'k', value: 3, durability: 'durable' })
    expect(await isOnDisk()).toBe(true)
    await metadata.set({ entity: 'e', key: 'k', value: 4 })
    expect(await isOnDisk()).toBe(false)
    await other.tenant(tenant.id).metadata.groups.set({ name: 'G', durability: 'durable' })
    await metadata.set({ entity: 'e', key: 'k', value: 5 })
    expect(await isOnDisk()).toBe(true)
  })
})
