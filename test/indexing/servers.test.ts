// Whole servers: the workload that pg_stat_statements counted, replicas that scan by themselves, and majors without hypopg.
import type pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { connect } from '../../dist/doctor/connection.js'
import { type AdviseIndexesOptions, adviseIndexes } from '../../dist/indexing/advise.js'
import { parseWorkload } from '../../dist/indexing/workload-file.js'
import { loadParser } from '../../dist/lint/sql/parser.js'
import {
  availableMajors,
  onScratchServers,
  type ScratchServer,
  startReplica,
  startServer,
} from '../doctor/scratch-server.js'

const DIRECT = await onScratchServers()
const { majors } = await availableMajors()
const on = (server: ScratchServer) => () => connect(server.url, 60_000)
const advise = (server: ScratchServer, options: AdviseIndexesOptions = {}) =>
  adviseIndexes(on(server), { windowSeconds: 0, ...options })

const TABLES = `create table orders (id int primary key, customer int, note text, kind int);
  create index by_note on orders (note); create index by_kind on orders (kind, id);
  create index by_pair on orders (id, note);
  insert into orders select i, i * 7919 % 2000, 'note ' || i, i % 1000 from generate_series(1, 20000) i; analyze orders`

DIRECT.describe('a primary and its replica', () => {
  let primary: ScratchServer
  let replica: ScratchServer
  let client: pg.Client

  beforeAll(async () => {
    primary = await startServer(17, {
      settings: { shared_preload_libraries: 'pg_stat_statements', hot_standby_feedback: 'on' },
    })
    client = await primary.client()
    await client.query(`create extension pg_stat_statements; create extension hypopg; ${TABLES}`)
    replica = await startReplica(primary, { shared_preload_libraries: 'pg_stat_statements' })
    await client.query('select pg_stat_statements_reset()')
    for (let n = 0; n < 25; n++) await client.query(`select * from orders where customer = ${n} and note <> 'secret'`)
    for (let n = 0; n < 3; n++) await client.query(`select * from orders where note = 'seldom ${n}'`)
    await client.query('select pg_stat_force_next_flush()')
    await client.query('select 1')
  })

  test('the workload comes from pg_stat_statements, without what was called too seldom, and nothing of it is run', async () => {
    const calls = async () =>
      (
        await client.query(
          `select calls from pg_stat_statements where query like 'select * from orders where customer%'`,
        )
      ).rows
    const before = await calls()
    const advice = await advise(primary)
    expect(advice.create).toMatchObject([
      {
        index: 'public.orders (customer)',
        helps: [{ calls: 25, statement: expect.stringContaining('where customer = $1') }],
      },
    ])
    expect(advice.workload.source).toBe('pg_stat_statements')
    expect(advice.workload.seldom).toBeGreaterThan(0)
    expect(await calls()).toEqual(before)
    expect((await client.query('select count(*)::int as n from hypopg_list_indexes')).rows).toEqual([{ n: 0 }])
  })

  test('no index is called unused while a replica was not asked, or the window is not over', async () => {
    const unasked = await advise(primary)
    expect(unasked.observation).toMatchObject({ standbys: 1, replicas: 0 })
    expect(unasked.drop.map(({ keptBecause }) => keptBecause)).toEqual([
      expect.stringContaining('1 replica streams from here and none of them was named'),
      expect.stringContaining('1 replica streams'),
    ])
    const early = await advise(primary, { windowSeconds: 86_400, replicas: [{ name: 'r', open: on(replica) }] })
    expect(early.drop.map(({ keptBecause }) => keptBecause)).toEqual([
      expect.stringContaining('of the 1.0 days'),
      expect.stringContaining('of the 1.0 days'),
    ])
  })

  test('what a replica scans stays; what nobody scans may go', async () => {
    const reader = await replica.client()
    await reader.query('set enable_seqscan = off')
    await reader.query('select * from orders where kind = 5')
    await reader.query('select pg_stat_force_next_flush()')
    await reader.query('select 1')
    const advice = await advise(primary, { replicas: [{ name: 'r', open: on(replica) }] })
    expect(advice.drop.map(({ index, keptBecause }) => [index, keptBecause])).toEqual([['by_pair', null]])
  })

  test('a server that is no replica of this one is refused by name', async () => {
    await expect(advise(primary, { replicas: [{ name: 'other', open: on(primary) }] })).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      field: 'replica',
      message: expect.stringContaining('other is no standby'),
    })
  })

  test('a replica is advised on without being changed, and drops nothing', async () => {
    const advice = await advise(replica, { workload: parseWorkload('select * from orders where customer = $1', 'w') })
    expect(advice.create).toMatchObject([{ index: 'public.orders (customer)' }])
    expect(advice.notes).toContain('This is a standby: create indexes on the primary.')
    expect(advice.drop.every(({ keptBecause }) => keptBecause !== null)).toBe(true)
  })
})

DIRECT.describe('without hypopg', () => {
  const without = [15, 16, 18].filter((major) => majors.includes(major))

  test.each(without)('PostgreSQL %i is advised on by statistics, and says so', async (major) => {
    const server = await startServer(major)
    const client = await server.client()
    await client.query(TABLES)
    await loadParser()
    const workload = parseWorkload(
      'select * from orders where customer = $1;\nselect * from orders where kind = $1 and customer = $2;\nselect * from orders where id = $1;',
      'w',
    )
    const advice = await advise(server, { workload })
    expect(advice.workload).toMatchObject({ planned: 3, unplanned: [] })
    expect(advice.create).toMatchObject([{ index: 'public.orders (customer, kind)', by: 'statistics' }])
    expect(advice.create[0]?.helps[0]).toMatchObject({ before: expect.any(Number), after: expect.any(Number) })
    expect(advice.imagined).toBe(false)
    expect(advice.notes.join()).toContain('hypopg is not installed here')
    expect(advice.drop.map(({ keptBecause }) => keptBecause)).toEqual(
      advice.drop.map(() => 'without hypopg 1.4 nobody can try the workload without it'),
    )
    // Partition by partition, as the plan reads them; and what cannot be looked into is told.
    await client.query(`create table logs (at timestamptz not null, request int) partition by range (at);
      create table logs_1 partition of logs for values from ('2025-01-01') to ('2025-02-01');
      create table logs_2 partition of logs for values from ('2025-02-01') to ('2025-03-01');
      insert into logs select timestamptz '2025-01-01 00:00Z' + i % 58 * interval '1 day', i * 7919 % 10000 from generate_series(1, 30000) i;
      create view seen as select * from logs; analyze logs`)
    const parts = await advise(server, {
      workload: parseWorkload('select * from logs where request = $1;\nselect * from seen where request = $1;', 'w'),
    })
    expect(parts.create).toMatchObject([{ index: 'public.logs (request)', by: 'statistics' }])
    expect(parts.workload).toMatchObject({
      planned: 1,
      statements: 2,
      unplanned: [{ reason: 'no table here is seen; views are not looked into' }],
    })
    await expect(advise(server, { workload, schemas: ['nosuch'] })).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('there is no schema nosuch'),
    })
    await expect(advise(server)).rejects.toMatchObject({
      code: 'DATABASE_UNEXAMINED',
      hint: expect.stringContaining('--workload'),
    })
  })
})
