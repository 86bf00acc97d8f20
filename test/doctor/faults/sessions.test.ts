// Sessions, transactions, slots and locks that stand in the way of others.
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers, type ScratchServer, startServer } from '../scratch-server.js'
import { cure, diagnose, errorsOf, findingsOf } from '../support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('what stands in the way', () => {
  let server: ScratchServer

  beforeAll(async () => {
    server = await startServer(17, { settings: { max_prepared_transactions: '5', wal_level: 'logical' } })
    const client = await server.client()
    await client.query('create table t (id int primary key, n int)')
    await client.query('insert into t values (1, 1)')
    await client.end()
  })

  test('a session idle in a transaction', async () => {
    const [client, admin] = [await server.client(), await server.client()]
    await client.query('begin')
    await client.query(`update t set n = 2 where id = 1 and 'a secret' <> ''`)
    const thresholds = { idleInTransactionS: 0, idleInTransactionErrorS: 0 }
    const sick = await diagnose(server.url, { thresholds })
    const [finding] = findingsOf(sick, 'idle-in-transaction')
    expect(finding).toMatchObject({ level: 'error', summary: expect.stringContaining('postgres@postgres') })
    expect(finding?.evidence.join()).toContain('update t set n = ? where id = ? and ? <> ?')
    expect(JSON.stringify(sick.results)).not.toContain('a secret')
    expect(errorsOf(sick)).toEqual(['idle-in-transaction'])
    await cure(admin, findingsOf(sick, 'idle-in-transaction'))
    await expect
      .poll(async () => findingsOf(await diagnose(server.url, { thresholds }), 'idle-in-transaction'))
      .toEqual([])
    await admin.end()
  })

  test('a prepared transaction', async () => {
    const client = await server.client()
    await client.query(`begin; insert into t values (2, 2); prepare transaction 'it''s forgotten'`)
    const thresholds = { preparedTransactionS: 0, preparedTransactionErrorS: 0 }
    const sick = await diagnose(server.url, { thresholds })
    expect(errorsOf(sick)).toEqual(['prepared-transaction'])
    await cure(client, findingsOf(sick, 'prepared-transaction'))
    expect(findingsOf(await diagnose(server.url, { thresholds }), 'prepared-transaction')).toEqual([])
    await client.end()
  })

  test('a replication slot without a reader', async () => {
    const client = await server.client()
    await client.query(`select pg_create_logical_replication_slot('nobody', 'pgoutput')`)
    const thresholds = { slotInactiveS: 0, slotRetainedMb: 0 }
    const sick = await diagnose(server.url, { thresholds })
    expect(errorsOf(sick)).toEqual(['inactive-slot'])
    expect(findingsOf(sick, 'slot-limit')).toHaveLength(1)
    await cure(client, findingsOf(sick, 'inactive-slot'))
    expect(findingsOf(await diagnose(server.url, { thresholds }), 'inactive-slot')).toEqual([])
    await client.end()
  })

  test('a queue of three for a lock names the root, and not who stands in front', async () => {
    const [root, middle, last, admin] = [
      await server.client(),
      await server.client(),
      await server.client(),
      await server.client(),
    ]
    const pidOf = async (client: typeof root) =>
      (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
    const [rootPid, middlePid, lastPid] = [await pidOf(root), await pidOf(middle), await pidOf(last)]
    await root.query('begin')
    await root.query('select * from t')
    const altered = middle.query('alter table t add column m int').catch(() => {})
    const waits = async (pid: number | undefined) =>
      (await admin.query('select cardinality(pg_blocking_pids($1)) as n', [pid])).rows[0]?.n
    await expect.poll(() => waits(middlePid)).toBe(1)
    const read = last.query('select * from t').catch(() => {})
    await expect.poll(() => waits(lastPid)).toBe(1)
    const thresholds = { lockWaitS: 0, lockWaitErrorS: 0 }
    const sick = await diagnose(server.url, { thresholds })
    expect(errorsOf(sick)).toEqual(['lock-queue'])
    const [finding, ...others] = findingsOf(sick, 'lock-queue')
    expect(others).toEqual([])
    expect(finding?.summary).toContain(`2 sessions wait for session ${rootPid} `)
    expect(finding?.evidence.join('\n')).toMatch(new RegExp(`${middlePid} waits .* for ${rootPid} `))
    expect(finding?.evidence.join('\n')).toMatch(new RegExp(`${lastPid} waits .* for ${middlePid} `))
    expect(finding?.remedy.sql).toEqual([`select pg_terminate_backend(${rootPid})`])
    await cure(admin, [finding as NonNullable<typeof finding>])
    await Promise.all([altered, read])
    expect(findingsOf(await diagnose(server.url, { thresholds }), 'lock-queue')).toEqual([])
    for (const client of [middle, last, admin]) await client.end()
  })

  test('an index whose concurrent build gave up', async () => {
    const [holder, client] = [await server.client(), await server.client()]
    await holder.query('begin; select * from t')
    await holder.query('lock table t in row exclusive mode')
    await client.query(`set lock_timeout = '200ms'`)
    await expect(client.query('create index concurrently half on t (n)')).rejects.toThrow(/lock timeout/)
    await client.query('reset lock_timeout')
    await holder.query('rollback')
    const sick = await diagnose(server.url)
    expect(findingsOf(sick, 'invalid-index')).toMatchObject([{ object: 'index public.half' }])
    expect(errorsOf(sick)).toEqual([])
    await cure(client, findingsOf(sick, 'invalid-index'))
    expect(findingsOf(await diagnose(server.url), 'invalid-index')).toEqual([])
    for (const each of [holder, client]) await each.end()
  })

  test('a partition whose concurrent detaching gave up', async () => {
    const [reader, client] = [await server.client(), await server.client()]
    await client.query('create table parts (n int primary key) partition by range (n)')
    await client.query('create table parts_1 partition of parts for values from (0) to (10)')
    await reader.query('begin; select * from parts')
    await client.query(`set statement_timeout = '300ms'`)
    await expect(client.query('alter table parts detach partition parts_1 concurrently')).rejects.toThrow(/timeout/)
    await client.query('reset statement_timeout')
    await reader.query('rollback')
    const sick = await diagnose(server.url)
    expect(findingsOf(sick, 'detach-pending')).toMatchObject([{ object: 'table public.parts_1', level: 'warning' }])
    expect(errorsOf(sick)).toEqual([])
    await cure(client, findingsOf(sick, 'detach-pending'))
    expect(findingsOf(await diagnose(server.url), 'detach-pending')).toEqual([])
    await client.query('drop table parts, parts_1')
    for (const each of [reader, client]) await each.end()
  })

  test('a long transaction, and a snapshot that holds back vacuum', async () => {
    const [client, admin] = [await server.client(), await server.client()]
    await client.query('begin isolation level repeatable read')
    await client.query('select 1')
    await admin.query('insert into t values (9, 9)')
    await admin.query('delete from t where id = 9')
    const sleeping = client.query('select pg_sleep(600)').catch(() => {})
    const thresholds = { longTransactionS: 0, horizonShare: 1e-9, horizonErrorShare: 1 }
    await expect
      .poll(async () => findingsOf(await diagnose(server.url, { thresholds }), 'long-transaction').length)
      .toBe(1)
    const sick = await diagnose(server.url, { thresholds })
    expect(findingsOf(sick, 'snapshot-horizon')).toMatchObject([
      { level: 'warning', object: expect.stringContaining('session') },
    ])
    await cure(admin, findingsOf(sick, 'snapshot-horizon'))
    await sleeping
    await expect
      .poll(async () => findingsOf(await diagnose(server.url, { thresholds }), 'snapshot-horizon'))
      .toEqual([])
    await admin.end()
  })

  test('what an owner sees past its own policies', async () => {
    const admin = await server.client()
    await admin.query(`create role shop login password 'shop'; create schema shop authorization shop`)
    const url = server.urlOf({ user: 'shop', password: 'shop' })
    await admin.query(`set role shop; create table shop.t (tenant text primary key);
      alter table shop.t enable row level security;
      create policy p on shop.t using (tenant = (select current_setting('app.tenant', true))); reset role`)
    const { default: pg } = await import('pg')
    const application = new pg.Client({ connectionString: url })
    await application.connect()
    const sick = await diagnose(server.url)
    const findings = findingsOf(sick, 'rls-bypassed').filter(({ object }) => object === 'role shop')
    expect(findings).toMatchObject([{ level: 'error' }])
    expect(errorsOf(sick)).toEqual(['rls-bypassed'])
    await cure(admin, findings)
    expect(
      findingsOf(await diagnose(server.url), 'rls-bypassed').filter(({ object }) => object === 'role shop'),
    ).toEqual([])
    await application.end()
    await admin.end()
  })
})
