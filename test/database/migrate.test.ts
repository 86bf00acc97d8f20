import { migrate, migrateDown, migrationPlan, openDatabase, openFleet, schemaStatus } from 'pgfleet'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readMigrationFiles } from '../../dist/database/migration-files.js'
import { administer } from '../setup/databases.js'
import { afterFile, createTestDatabase, engine, failure, onEngines, sql } from '../setup/index.js'
import { catalogSnapshot, migratedRows } from './catalog-snapshot.js'

// The tests of this file share one database, which begins without a schema, and run in this order: each says in which
// state it leaves it.
const options = (await createTestDatabase({ migrated: false })).options
const database = await openDatabase(options)
afterFile(() => database.close())
const at = { database }
const files = await readMigrationFiles()
const newest = files.migrations.length

const schemas = () =>
  sql(at, `select nspname from pg_namespace where nspname in ('platform', 'learning') order by nspname`)

test('an empty database is at version 0', async () => {
  const status = await schemaStatus(database)
  expect(status).toMatchObject({ version: 0, target: newest, applied: [], upToDate: false })
  expect(status.pending).toHaveLength(newest)
  expect(status.pending[0]).toBe('0001_platform')
})

onEngines(['direct', 'pooled'], 'each opening in memory is another database')(
  'migrate: false refuses an empty database',
  async () => {
    const error = await failure(openFleet({ ...options, migrate: false }), 'SCHEMA_MISSING')
    expect(error.hint).toContain('pgfleet migrate')
    expect(await schemas()).toEqual([])
  },
)

onEngines(['direct', 'pooled'], 'the embedded database is UTF8')(
  'a database whose texts are only bytes is refused, and told how to make another',
  async () => {
    const name = `${inject('run')}_ascii`
    await administer(`create database ${name} template template0 encoding 'SQL_ASCII' locale 'C'`)
    afterFile(() => administer(`drop database if exists ${name} with (force)`))
    const url = new URL(options.url as string)
    url.pathname = `/${name}`
    const error = await failure(openFleet({ url: url.href }), 'DATABASE_UNSUITABLE')
    expect(error.message).toContain('SQL_ASCII')
    expect(error.hint).toContain("encoding 'UTF8'")
  },
)

test('a dry run says what it would do, and changes nothing', async () => {
  const report = await migrate(database, { dryRun: true })
  expect(report.version).toBe(newest)
  expect(report.migrations).toHaveLength(newest)
  expect(report.routines).toHaveLength(files.routines.length)
  expect(await schemas()).toEqual([])
})

test('a migration that fails leaves nothing, not even those before it', async () => {
  await sql(at, 'create schema learning')
  const error = await failure(migrate(database), 'MIGRATION_FAILED')
  expect(error.message).toContain('0002_learning.sql')
  expect(error.cause).toMatchObject({ code: '42P06' })
  expect(await schemas()).toEqual([{ nspname: 'learning' }])
  await sql(at, 'drop schema learning')
})

test('the plan is the text of what is left to apply', async () => {
  const plan = await migrationPlan(database)
  expect(plan.steps).toContain('-- 0001_platform')
  expect(plan.steps).toContain('create or replace function learning.learn(')
})

test('a fresh database is brought to the newest version', async () => {
  const report = await migrate(database)
  expect(report.migrations).toHaveLength(newest)
  expect(report.olderProcesses).toBe('none')
  const status = await schemaStatus(database)
  expect(status).toMatchObject({ version: newest, pending: [], changed: [], upToDate: true })
  expect(status.applied.map(({ version }) => version)).toEqual(files.migrations.map(({ version }) => version))
  expect(status.applied[0]?.appliedAt).toBeInstanceOf(Date)
  expect(await migrationPlan(database)).toEqual({ bootstrap: undefined, steps: '' })
})

test('a second run does nothing', async () => {
  const before = [await catalogSnapshot(at), await migratedRows(at)]
  expect(await migrate(database)).toEqual({ version: newest, migrations: [], routines: [], olderProcesses: 'none' })
  expect([await catalogSnapshot(at), await migratedRows(at)]).toEqual(before)
})

test('going down asks before it loses data, and does nothing until told', async () => {
  const before = await catalogSnapshot(at)
  const error = await failure(migrateDown(database, 0), 'DATA_LOSS_REFUSED')
  expect(error.message).toMatch(/below \d{4}_\w+ drops its data/)
  expect(await catalogSnapshot(at)).toEqual(before)
  expect(await migrateDown(database, newest)).toEqual({
    version: newest,
    migrations: [],
    routines: [],
    olderProcesses: 'none',
  })
})

test('down to 0 and up again is the same schema with the same rows; so is one step down and up', async () => {
  const fresh = [await catalogSnapshot(at), await migratedRows(at)]
  expect(fresh[0]?.length).toBeGreaterThan(200)

  const dry = await migrateDown(database, 0, { allowDataLoss: true, dryRun: true })
  expect(dry.version).toBe(0)
  expect(await catalogSnapshot(at)).toEqual(fresh[0])

  const down = await migrateDown(database, 0, { allowDataLoss: true })
  expect(down.migrations).toEqual(
    files.migrations.map(({ version, name }) => `${String(version).padStart(4, '0')}_${name}`).reverse(),
  )
  expect(await schemas()).toEqual([])
  expect((await schemaStatus(database)).version).toBe(0)
  await migrate(database)
  expect([await catalogSnapshot(at), await migratedRows(at)]).toEqual(fresh)

  await migrateDown(database, newest - 1, { allowDataLoss: true })
  expect((await schemaStatus(database)).version).toBe(newest - 1)
  await migrate(database)
  expect([await catalogSnapshot(at), await migratedRows(at)]).toEqual(fresh)
})

test('entries of the audit that share a row have one each on the way down', async () => {
  await sql(at, `select platform.create_tenant('kept')`)
  await sql(at, `select platform.ensure_partition('delivery', 'audit_log', platform.uuid_floor(now()))`)
  await sql(
    at,
    `insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, action)
    select 'kept', (delivery.audit_prefix() || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'task', 'a', more, 'start'
    from (values ('{b,c}'::text[]), (null)) as v(more)`,
  )
  const entries = await sql<{ entity_id: string }>(
    at,
    'select audit_id, sequence, entity_id from delivery.audit order by sequence',
  )
  expect(entries.map(({ entity_id }) => entity_id)).toEqual(['a', 'b', 'c', 'a'])
  await migrateDown(database, 31, { allowDataLoss: true })
  expect(await sql(at, 'select audit_id, sequence, entity_id from delivery.audit_log order by sequence')).toEqual(
    entries,
  )
  await migrate(database)
  expect(await sql(at, 'select audit_id, sequence, entity_id from delivery.audit order by sequence')).toEqual(entries)
  await migrateDown(database, 0, { allowDataLoss: true })
  await migrate(database)
})

test('patterns survive their partitioning, there and back', async () => {
  await sql(at, `select platform.create_tenant('kept')`)
  await sql(
    at,
    `insert into learning.patterns (tenant_id, pattern_id, agent_type, pattern_name, pattern_type, pattern_data, usage_count, total_reward, expires_at)
    select t.tenant_id, gen_random_uuid(), t.agent_type, 'n', 't', '1', 2, 3, now() + interval '1 day' from learning.agent_types t`,
  )
  const held = () =>
    sql(at, 'select agent_type, pattern_id, pattern_name, average_reward from learning.patterns order by agent_type')
  const before = await held()
  expect(before).toHaveLength(18)
  await migrateDown(database, 2, { allowDataLoss: true })
  expect(await held()).toEqual(before)
  await migrate(database)
  expect(await held()).toEqual(before)
  expect(await sql(at, 'select from learning.pattern_effectiveness')).toHaveLength(18)
  await sql(at, `delete from learning.patterns where tenant_id = 'kept'`)
  await sql(at, `delete from learning.agent_types where tenant_id = 'kept'`)
  await sql(at, `delete from platform.tenants where tenant_id = 'kept'`)
})

test('down also removes what running made: partitions and tenants', async () => {
  await sql(
    at,
    `select platform.ensure_partition(r.schema_name, r.table_name, platform.uuid_floor(now())) from platform.partitioned_tables r`,
  )
  await database.lend(async (connection) => {
    await connection.query('begin')
    await connection.query('set local role pgfleet_owner')
    await connection.query(`select platform.create_tenant('acme')`)
    await connection.query('commit')
  })
  await migrateDown(database, 0, { allowDataLoss: true })
  expect(await schemas()).toEqual([])
  await migrate(database)
})

test('a function whose text changed is applied again, and nothing else', async () => {
  const before = await catalogSnapshot(at)
  await sql(
    at,
    `create or replace function platform.uuid_floor(p_time timestamptz) returns uuid language sql as 'select null::uuid'`,
  )
  await sql(at, `update platform.routines set checksum = 'older' where path = 'platform/uuid_floor'`)
  expect((await schemaStatus(database)).changed).toEqual(['platform/uuid_floor'])
  expect(await migrate(database)).toMatchObject({ migrations: [], routines: ['platform/uuid_floor'] })
  expect(await catalogSnapshot(at)).toEqual(before)
})

test('a view is dropped and made again', async () => {
  const before = await catalogSnapshot(at)
  await sql(at, `update platform.routines set checksum = 'older' where path = 'learning/agent_performance_summary'`)
  expect((await migrate(database)).routines).toEqual(['learning/agent_performance_summary'])
  expect(await catalogSnapshot(at)).toEqual(before)
})

/** Changes the ledger, tries everything that reads it, and puts it back. */
async function withLedger(change: string, back: string, code: 'SCHEMA_TOO_NEW' | 'MIGRATION_CHANGED') {
  await sql(at, change)
  await sayServed({ packageVersion: '99.0.0', migration: newest + 1 })
  try {
    const error = await failure(migrate(database), code)
    await failure(schemaStatus(database), code)
    await failure(migrateDown(database, 0, { allowDataLoss: true }), code)
    if (engine !== 'embedded') await failure(openFleet(options), code)
    return error
  } finally {
    await sql(at, back)
    await sayServed('this')
  }
}

/** Has the schema say which pgfleet it serves at least; undefined: as this package has it, or as older ones did, not at all. */
async function sayServed(served: { packageVersion: string; migration: number } | 'this' | 'nothing') {
  const routine = files.routines.find(({ path }) => path === 'platform/compatible_from')?.text ?? ''
  await sql(at, 'set role pgfleet_owner; drop function if exists platform.compatible_from(); reset role')
  if (served === 'nothing') return
  const text =
    served === 'this'
      ? routine
      : routine.replace(/select '.*', \d+/, `select '${served.packageVersion}', ${served.migration}`)
  await sql(at, `set role pgfleet_owner; ${text}; reset role`)
}

/** Makes the database one that a newer package migrated. */
const MAKE_NEWER = {
  migration: `insert into platform.migrations values (NEWEST, 'later', 'x', '9.0.0')`,
  routine: `update platform.routines set package_version = '9.0.0' where path = 'platform/enter'`,
} as const

describe.each(Object.keys(MAKE_NEWER) as (keyof typeof MAKE_NEWER)[])('a database of a newer %s', (kind) => {
  beforeAll(async () => void (await sql(at, MAKE_NEWER[kind].replace('NEWEST', String(newest + 1)))))
  afterAll(async () => {
    await sql(at, `delete from platform.migrations where version > ${newest}`)
    await sql(at, `update platform.routines set package_version = '${files.packageVersion}'`)
    await sayServed('this')
  })

  test.each([
    { packageVersion: files.packageVersion, migration: newest },
    { packageVersion: '0.0.9', migration: newest - 1 },
  ])('that serves pgfleet $packageVersion with $migration is used, and left alone', async (served) => {
    await sayServed(served)
    const before = await catalogSnapshot(at)
    const there = kind === 'migration' ? newest + 1 : newest
    expect(await schemaStatus(database)).toMatchObject({
      version: there,
      target: newest,
      pending: [],
      changed: [],
      isAhead: true,
      upToDate: true,
    })
    if (engine !== 'embedded') await (await openFleet(options)).close()
    await failure(migrate(database), 'SCHEMA_TOO_NEW')
    await failure(migrateDown(database, 0, { allowDataLoss: true }), 'SCHEMA_TOO_NEW')
    expect(await catalogSnapshot(at)).toEqual(before)
  })

  test.each([
    { packageVersion: files.packageVersion, migration: newest + 1 },
    { packageVersion: '0.1.1', migration: newest },
    'nothing' as const,
  ])('that serves %o refuses this one', async (served) => {
    await sayServed(served)
    await failure(schemaStatus(database), 'SCHEMA_TOO_NEW')
    if (engine !== 'embedded') await failure(openFleet(options), 'SCHEMA_TOO_NEW')
  })

  test('whose first migrations are others is refused', async () => {
    await sayServed({ packageVersion: files.packageVersion, migration: newest })
    await sql(at, `update platform.migrations set checksum = 'other' where version = 1`)
    await failure(schemaStatus(database), 'MIGRATION_CHANGED')
    await sql(at, `update platform.migrations set checksum = '${files.migrations[0]?.checksum}' where version = 1`)
  })
})

test.each([
  ['may-go-on', newest],
  ['must-be-stopped', newest + 1],
] as const)('a run says that older processes %s', async (olderProcesses, migration) => {
  await sql(at, `update platform.routines set checksum = 'older' where path = 'platform/uuid_floor'`)
  await sayServed({ packageVersion: files.packageVersion, migration })
  expect(await migrate(database)).toMatchObject({ routines: ['platform/uuid_floor'], olderProcesses })
  expect((await migrate(database)).olderProcesses).toBe('none')
  await sayServed('this')
})

test('a database of a newer package that serves this one no more is refused: by its migrations', async () => {
  const error = await withLedger(
    `insert into platform.migrations values (${newest + 1}, 'later', 'x', '9.0.0')`,
    `delete from platform.migrations where version > ${newest}`,
    'SCHEMA_TOO_NEW',
  )
  expect(error.details).toEqual({ found: newest + 1, supported: newest })
})

test.each(['99.0.0', '0.1.1', '0.10.0'])(
  'a database of a newer package that serves this one no more is refused: by its functions of %s',
  async (version) => {
    const error = await withLedger(
      `update platform.routines set package_version = '${version}' where path = 'platform/enter'`,
      `update platform.routines set package_version = '${files.packageVersion}'`,
      'SCHEMA_TOO_NEW',
    )
    expect(error.message).toContain(version)
  },
)

test('functions of an older package are no reason to refuse', async () => {
  await sql(at, `update platform.routines set package_version = '0.0.9'`)
  expect((await schemaStatus(database)).upToDate).toBe(true)
  await sql(at, `update platform.routines set package_version = '${files.packageVersion}'`)
})

test('a migration with another text than the applied one is refused', async () => {
  const error = await withLedger(
    `update platform.migrations set checksum = 'another' where version = 1`,
    `update platform.migrations set checksum = '${files.migrations[0]?.checksum}' where version = 1`,
    'MIGRATION_CHANGED',
  )
  expect(error.details).toMatchObject({ version: 1, name: 'platform' })
  expect((await schemaStatus(database)).upToDate).toBe(true)
})

test('an aborted run leaves everything as it was', async () => {
  await sql(at, `update platform.routines set checksum = 'older' where path = 'platform/enter'`)
  await expect(migrate(database, { signal: AbortSignal.abort() })).rejects.toThrow()
  expect((await schemaStatus(database)).changed).toEqual(['platform/enter'])
  await migrate(database)
})
