import type { Fleet } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { measureTables } from '../../dist/storage/measured-tables.js'
import { planStorage, type StoragePlan } from '../../dist/storage/storage-plan.js'
import { readShapes } from '../../dist/storage/table-shape.js'
import { resolveWorkload } from '../../dist/storage/workload.js'
import { onEngines, openTestFleet, sql } from '../setup/index.js'
import { FILLED, fillArtifacts, fillDelivery, fillEvents, fillLearning, fillMetadata, fillVectors } from './fill.js'

// What is advised for a day's work is held against a database in which that work was done, through the public door.

const TABLES = [
  'learning.q_values',
  'learning.experiences',
  'learning.trajectories',
  'learning.rewards',
  'memory.events',
  'memory.vectors_384',
  'memory.vectors_768',
  'memory.vectors_1536',
  'memory.vectors_3072',
  'memory.artifacts',
  'memory.artifact_names',
  'memory.artifact_contents',
  'memory.artifact_chunks',
  'delivery.metrics',
  'delivery.metric_series',
  'delivery.audit_log',
  'metadata.entities',
  'metadata.entries',
]

const SIZES = `
  select coalesce(sum(pg_relation_size(c.oid)), 0)::float8 as heap, coalesce(sum(pg_indexes_size(c.oid)), 0)::float8 as indexes,
    coalesce(sum(pg_total_relation_size(nullif(c.reltoastrelid, 0))), 0)::float8 as toast
  from (select $1::regclass as relid union select t.relid from pg_partition_tree($1::regclass) t where t.isleaf) p
  join pg_class c on c.oid = p.relid where c.relkind = 'r'`

interface Sizes {
  readonly heap: number
  readonly indexes: number
  readonly toast: number
}

// Pages are the same on every engine; filling the embedded one takes minutes.
onEngines(['direct'], 'filling the tables takes minutes elsewhere').describe('a database that was filled', () => {
  let fleet: Fleet
  let plan: StoragePlan
  beforeAll(async () => {
    fleet = await openTestFleet()
    await fleet.tenants.create({ id: 'acme-one' })
    const tenant = fleet.tenant('acme-one')
    // Tables of their own, so that none of these changes where the rows of another lie.
    await Promise.all(
      [fillLearning, fillEvents, fillVectors, fillArtifacts, fillDelivery, fillMetadata].map((fill) => fill(tenant)),
    )
    const shapes = await fleet.database.lend((connection) => readShapes(connection, TABLES))
    plan = planStorage(resolveWorkload(FILLED), shapes)
  })

  test('the advice is of the tables that were filled', () => {
    expect(plan.tables.map(({ table }) => table).sort()).toEqual([...TABLES].sort())
  })

  test.each(TABLES)('%s takes what is advised, within a tenth', async (table) => {
    const [sizes] = await sql<Sizes>(fleet, SIZES, [table])
    if (sizes === undefined) throw new Error(`${table} has no size`)
    const advised = plan.tables.find((each) => each.table === table)
    if (advised === undefined) throw new Error(`${table} was not advised`)
    const [counted] = await sql<{ rows: number }>(fleet, `select count(*)::int as rows from ${table}`)
    const measured = (sizes.heap + sizes.indexes + sizes.toast) / (counted?.rows ?? 0)
    expect(
      measured / advised.bytesPerRow,
      `${measured} bytes a row, advised ${JSON.stringify(advised)}`,
    ).toBeGreaterThan(0.9)
    expect(measured / advised.bytesPerRow, `${measured} bytes a row, advised ${JSON.stringify(advised)}`).toBeLessThan(
      1.1,
    )
  })

  test('what is measured of the installation takes the place of what is computed', async () => {
    let measured: Awaited<ReturnType<typeof measureTables>> = new Map()
    // What other sessions have counted and not yet told comes on top of what is analysed, so that is asked until it is told.
    const rowsOf = async () => {
      await sql(fleet, 'analyze memory.events')
      measured = await fleet.database.lend((connection) => measureTables(connection, TABLES))
      return measured.get('memory.events')?.rows
    }
    await expect.poll(rowsOf, { timeout: 60_000 }).toBe(FILLED.events)
    const shapes = await fleet.database.lend((connection) => readShapes(connection, TABLES))
    const computed = plan.tables.find(({ table }) => table === 'memory.events')
    const again = planStorage(resolveWorkload(FILLED), shapes, measured).tables.find(
      ({ table }) => table === 'memory.events',
    )
    expect(again?.from).toBe('measured')
    expect((again?.bytesPerRow ?? 0) / (computed?.bytesPerRow ?? 1)).toBeGreaterThan(0.9)
    expect((again?.bytesPerRow ?? 0) / (computed?.bytesPerRow ?? 1)).toBeLessThan(1.1)
    // Fewer rows than a thousand tell of pages that are begun.
    expect(measured.has('memory.vectors_1536')).toBe(false)
  })
})
