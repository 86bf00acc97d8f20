// What is advised for the product's own tables comes from what was measured of them, and brings it to an end.
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { adviseTables, type TablesOptions } from '../../dist/configuration/table-advice.js'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'

const DIRECT = onEngines(['direct'], 'autovacuum and statistics of a server are looked at')

DIRECT.describe('the tables of pgfleet', () => {
  let client: pg.Client
  const { signal } = new AbortController()
  const advise = async (options: Partial<TablesOptions> = {}) =>
    await adviseTables(client, { sampleColumns: false, signal, ...options })

  beforeAll(async () => {
    const database = await createTestDatabase()
    client = new pg.Client({ connectionString: database.adminUrl() })
    await client.connect()
    afterFile(() => client.end())
  })

  const flush = async () => {
    await client.query('select pg_stat_force_next_flush()')
    await client.query('select 1')
  }

  test('that nothing was measured of are left alone', async () => {
    const found = await advise({ sampleColumns: true })
    expect(found).toEqual({ examined: expect.any(Number), advice: [], unsampled: null })
    expect(found.examined).toBeGreaterThan(30)
  })

  test('get room in their pages when updates left them because they were full, and only then', async () => {
    for (const name of ['filled', 'indexed']) {
      await client.query(`create table memory.${name} (id int, hot int, filler text)`)
      await client.query(`alter table memory.${name} owner to pgfleet_owner`)
      await client.query(`alter table memory.${name} set (autovacuum_enabled = off)`)
      await client.query(`insert into memory.${name} select n, 0, repeat('x', 100) from generate_series(1, 12000) n`)
    }
    await client.query('create index on memory.indexed (hot)')
    await client.query('alter table memory.indexed set (fillfactor = 60)')
    await client.query('vacuum full memory.indexed')
    for (const name of ['filled', 'indexed']) await client.query(`update memory.${name} set hot = id`)
    await flush()
    const { advice } = await advise()
    const [change, ...others] = advice.filter(({ subject }) => subject === 'fillfactor')
    expect(others).toEqual([])
    expect(change).toMatchObject({
      table: 'memory.filled',
      sql: ['alter table memory.filled set (fillfactor = 80)'],
      undo: ['alter table memory.filled reset (fillfactor)'],
      why: expect.stringMatching(/^\d+ % of 12000 updates were HOT, and \d\d+ % went to another page/),
    })
  })

  test('are vacuumed within the bound of the maintenance service, when dead rows went beyond it', async () => {
    const { advice } = await advise()
    const changes = advice.filter(({ subject }) => subject === 'autovacuum')
    expect(changes.map(({ table }) => table).sort()).toEqual(['memory.filled', 'memory.indexed'])
    // A tenth of 12,000 rows: 500 and 0.0583 of them.
    expect(changes[0]?.sql[0]).toMatch(
      /autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0\.05\d+\)$/,
    )
    for (const { sql } of changes) for (const statement of sql) await client.query(statement)
    expect((await advise()).advice.filter(({ subject }) => subject === 'autovacuum')).toEqual([])
    for (const { undo } of changes) for (const statement of undo) await client.query(statement)
    expect((await advise()).advice.filter(({ subject }) => subject === 'autovacuum')).toHaveLength(2)
  })

  test('get a number of different values where the statistics are far off, partitions but not their parent', async () => {
    await client.query(`create table memory.parted (id int, kind int) partition by range (id)`)
    await client.query(`create table memory.parted_1 partition of memory.parted for values from (0) to (1000000)`)
    await client.query('create index on memory.parted (kind)')
    for (const name of ['parted', 'parted_1']) await client.query(`alter table memory.${name} owner to pgfleet_owner`)
    await client.query('insert into memory.parted select n, n % 4000 from generate_series(1, 20000) n')
    // As statistics are that were made before the table was filled.
    await client.query('alter table memory.parted_1 alter column kind set (n_distinct = 5)')
    await client.query('analyze memory.parted_1')
    await client.query('alter table memory.parted_1 alter column kind reset (n_distinct)')
    const statistics = async () =>
      (await advise({ sampleColumns: true })).advice.filter(({ subject }) => subject === 'statistics')
    expect(await statistics()).toMatchObject([
      {
        table: 'memory.parted_1',
        sql: ['alter table memory.parted_1 alter column kind set (n_distinct = -0.2)', 'analyze memory.parted_1'],
        why: 'the statistics say 5 different values of kind, and there are 4000',
      },
    ])
    for (const { sql } of await statistics()) for (const statement of sql) await client.query(statement)
    expect(await statistics()).toEqual([])
    await expect(advise({ sampleColumns: true, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })

  test('whose rows the login does not see are not sampled, and it says so', async () => {
    await client.query('set role pgfleet_monitor')
    try {
      expect((await advise({ sampleColumns: true })).unsampled).toContain('row-level security')
    } finally {
      await client.query('reset role')
    }
  })
})
