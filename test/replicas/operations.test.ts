// Every public operation of every store, as test/conformance lists them, on a tenant whose reads go to a replica.
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { type Fleet, FleetError, type Tenant } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { type Place, type StoreOperation, sampleOf } from '../conformance/operation.js'
import { OPERATIONS } from '../conformance/operations/index.js'
import { keyProvider } from '../conformance/operations/secrets.js'
import { onScratchServers } from '../doctor/scratch-server.js'
import { sql } from '../setup/index.js'
import { caughtUp, openReplicated, PATIENTLY, startCluster } from './support.js'

/** Reads that the primary always answers, and why. */
const ON_PRIMARY = new Map(
  Object.entries({
    'an unlogged table': [
      'metadata.get',
      'metadata.getMany',
      'metadata.changesSince',
      'metadata.subscribe',
      'metadata.entities.get',
      'metadata.entities.list',
      'metadata.getEntities',
      'metadata.list',
    ],
    'the name of the log': ['memory.events.tail'],
    'who may do something': [
      'memory.keys.get',
      'memory.keys.list',
      'memory.keys.verify',
      'memory.secrets.get',
      'memory.secrets.list',
    ],
    'the proof of a log': ['delivery.audit.verify'],
    'notes what it has read': ['memory.hooks.archive'],
    'the server itself': ['delivery.dashboards.databaseHealth'],
  }).flatMap(([why, paths]) => paths.map((path) => [path, why] as const)),
)

const DIRECT = await onScratchServers()

DIRECT.describe('with a replica', () => {
  let fleet: Fleet
  let replica: pg.Client
  beforeAll(async () => {
    const cluster = await startCluster()
    replica = cluster.clients[0] as pg.Client
    fleet = await openReplicated(cluster, { keyProvider, replicaWaitMs: 60_000, replicaLagMsMax: 86_400_000 })
  }, 60_000)

  const placeOf = (tenant: string, { learning, memory, delivery, metadata }: Tenant): Place => ({
    ...{ learning, memory, delivery, metadata, tenant },
    sql: (text, values = []) => sql(fleet, text, values),
  })

  /** The same tenant twice: as it is, and with reads that go to the replica. */
  async function arranged(operation: StoreOperation) {
    const id = `c-${randomUUID()}`
    await fleet.tenants.create({ id })
    const sample = sampleOf(0)
    const primary = placeOf(id, fleet.tenant(id))
    await operation.arrange?.(primary, sample)
    return { sample, primary, place: placeOf(id, fleet.tenant(id).reading('own-writes')) }
  }

  const ending = async (call: () => unknown) => {
    try {
      return await call()
    } catch (error) {
      if (error instanceof FleetError) return error.code
      throw error
    }
  }

  test.each(OPERATIONS.filter(({ read }) => read === undefined))('$path is answered by it', async (operation) => {
    const { sample, primary, place } = await arranged(operation)
    const expected = await ending(() => operation.call(primary, sample))
    await caughtUp(fleet, replica)
    await expect.poll(() => fleet.replicas().replicas.map(({ state }) => state), PATIENTLY).toEqual(['ready'])
    const before = fleet.replicas()
    const found = await ending(() => operation.call(place, sample))
    const after = fleet.replicas()
    expect(found).toEqual(expected)
    expect(after.onPrimary, after.replicas[0]?.lastError ?? '').toEqual(before.onPrimary)
    const why = ON_PRIMARY.get(operation.path)
    if (why === undefined) expect(after.onReplicas).toBeGreaterThan(before.onReplicas)
    else expect(after.onReplicas, why).toBe(before.onReplicas)
  })

  test.each(OPERATIONS.filter(({ read }) => read !== undefined))(
    '$path sends it nothing, and decides by nothing that it tells',
    async (operation) => {
      const { sample, place } = await arranged(operation)
      const before = fleet.replicas()
      await ending(() => operation.call(place, sample))
      const { onReplicas, onPrimary } = fleet.replicas()
      expect({ onReplicas, onPrimary }).toEqual({ onReplicas: before.onReplicas, onPrimary: before.onPrimary })
    },
  )

  test('the list of those that the primary answers holds no other', () => {
    const paths = new Set(OPERATIONS.filter(({ read }) => read === undefined).map(({ path }) => path))
    expect([...ON_PRIMARY.keys()].filter((path) => !paths.has(path))).toEqual([])
  })
})
