import { openFleet, type Tenant } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { createBackup } from '../../dist/backup/backup.js'
import { restoreBackup } from '../../dist/backup/restore.js'
import { onScratchServers, startServer } from '../doctor/scratch-server.js'
import { afterFile, createTestDatabase, failure, openTestFleet, sql } from '../setup/index.js'
import { fill, newFolder, urlOf } from './support.js'

/** Transactions that the cluster the database came from is ahead by. */
const AHEAD = 3_000_000_000
const LOGS = ['memory.events', 'delivery.metrics', 'delivery.audit_log']

/** Everything that follows a log, for as long as there is more. */
async function follow(tenant: Tenant): Promise<{ points: number; sealed: number }> {
  const { metrics, audit } = tenant.delivery
  let points = 0
  let sealed = 0
  for (let more = true; more; ) {
    const step = await metrics.rollUp()
    points += step.points
    more = step.more
  }
  for (let more = true; more; ) {
    const step = await audit.seal()
    sealed += step.sealed
    more = step.more
  }
  return { points, sealed }
}

/** How many events a reader from the start finds, in the order of the log. */
async function readAll(tenant: Tenant, count: number): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const event of tenant.memory.events.tail({ after: 'start', signal: AbortSignal.timeout(60_000) })) {
    found.push(event.payload)
    if (found.length === count) break
  }
  return found
}

/** What waits for transactions to end may have to wait for those of other tests. */
async function followed(tenant: Tenant, wanted: { points: number; sealed: number }): Promise<void> {
  const sum = { points: 0, sealed: 0 }
  while (sum.points < wanted.points || sum.sealed < wanted.sealed) {
    const step = await follow(tenant)
    sum.points += step.points
    sum.sealed += step.sealed
  }
  expect(sum).toEqual(wanted)
}

describe('a database that was restored into a cluster that has not come as far', () => {
  test('refuses to follow its logs, and goes on when it is adopted, at no cost of what was sealed', async () => {
    const fleet = await openTestFleet()
    await fleet.tenants.create({ id: 'acme' })
    const tenant = fleet.tenant('acme')
    // As the other cluster would have written: by an offset of its own, which is then taken away.
    for (const table of LOGS) {
      await sql(
        fleet,
        `alter table ${table} alter column transaction_id set default (((pg_current_xact_id()::text)::bigint + ${AHEAD})::text)::xid8`,
      )
    }
    await fill(tenant, 10)
    const { agentSessions } = tenant.delivery
    const { id: sessionId } = await agentSessions.create({ agentName: 'one', agentType: 'tester' })
    await agentSessions.record({ sessionId, type: 'chat' })
    await followed(tenant, { points: 10, sealed: 13 })
    const { head } = await tenant.delivery.audit.verify()
    // Neither in a rollup nor sealed: what was written last, before the dump.
    await fill(tenant, 5)
    for (const table of LOGS)
      await sql(fleet, `alter table ${table} alter column transaction_id set default pg_current_xact_id()`)

    await failure(tenant.delivery.metrics.rollUp(), 'WATERMARK_FOREIGN')
    await failure(tenant.delivery.audit.seal(), 'WATERMARK_FOREIGN')
    const [adopted] = await sql<{ transaction_offset: string; is_adopted: boolean }>(
      fleet,
      'select * from platform.adopt_restored()',
    )
    expect(adopted?.is_adopted).toBe(true)
    expect(Number(adopted?.transaction_offset)).toBeGreaterThan(AHEAD / 2)

    await fill(tenant, 3)
    await agentSessions.record({ sessionId, type: 'chat' })
    await followed(tenant, { points: 8, sealed: 11 })
    expect(await tenant.delivery.audit.verify(head === undefined ? {} : { expected: head })).toMatchObject({
      intact: true,
      entries: 24,
      unsealed: 0,
    })
    expect(await tenant.delivery.metrics.summary({ name: 'latency' })).toMatchObject({ points: 18 })
    const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }))
    expect(await readAll(tenant, 18)).toEqual([...numbers(10), ...numbers(5), ...numbers(3)])
    // A second time finds nothing to do.
    expect(await sql(fleet, 'select * from platform.adopt_restored()')).toEqual([
      { transaction_offset: adopted?.transaction_offset, is_adopted: false },
    ])
  })

  test('repeats of events stay known, and metadata goes on with a log of its own', async () => {
    const fleet = await openTestFleet()
    await fleet.tenants.create({ id: 'acme' })
    const tenant = fleet.tenant('acme')
    const [first] = await tenant.memory.events.append([{ type: 'a' }])
    const id = first?.id as string
    await sql(fleet, `update metadata.change_floors set transaction_id = '${AHEAD}'`)
    await sql(fleet, `update memory.events set transaction_id = '${AHEAD}'`)
    const adoption = await sql<{ is_adopted: boolean }>(fleet, 'select is_adopted from platform.adopt_restored()')
    expect(adoption).toEqual([{ is_adopted: true }])
    expect(await sql(fleet, 'select distinct transaction_id::text as floor from metadata.change_floors')).toEqual([
      { floor: '0' },
    ])
    // In one call: the second is a repeat within it, which is told by the transaction.
    const again = await tenant.memory.events.append([{ type: 'a', id }, { type: 'b' }])
    expect(again.map(({ replayed }) => replayed)).toEqual([true, false])
  })

  test('is left as it is where the cluster is ahead', async () => {
    const fleet = await openTestFleet()
    await fleet.tenants.create({ id: 'acme' })
    await fill(fleet.tenant('acme'), 3)
    expect(await sql(fleet, 'select * from platform.adopt_restored()')).toEqual([
      { transaction_offset: 0, is_adopted: false },
    ])
  })
})

const onServers = await onScratchServers()

onServers('a backup is restored into another cluster, and everything in it goes on', async () => {
  const { name } = await createTestDatabase()
  const from = await openFleet({ url: urlOf(name) })
  afterFile(() => from.close())
  await from.tenants.create({ id: 'acme' })
  await fill(from.tenant('acme'), 10)
  await followed(from.tenant('acme'), { points: 10, sealed: 11 })
  const { head } = await from.tenant('acme').delivery.audit.verify()
  let cursor: string | undefined
  for await (const event of from.tenant('acme').memory.events.tail({ after: 'start' })) {
    cursor = event.cursor
    break
  }
  const folder = await newFolder()
  const made = await createBackup({ url: urlOf(name), folder, packageVersion: '0.0.0' })
  const server = await startServer(17)
  const admin = await server.client()
  await admin.query('create database restored template template0')
  const url = server.urlOf({ database: 'restored' })
  const report = await restoreBackup({ from: folder, url, jobs: 2 })
  expect(report.rolesMade).toEqual(
    expect.arrayContaining(['pgfleet_app', 'pgfleet_monitor', 'pgfleet_owner', 'pgfleet_search']),
  )
  expect(report).toMatchObject({
    logs: 'adopted',
    rows: made.backup.manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
  })
  // Opens: roles, memberships and rights are as `migrate` wants them.
  const fleet = await openFleet({ url })
  afterFile(() => fleet.close())
  const tenant = fleet.tenant('acme')
  await fill(tenant, 5)
  await followed(tenant, { points: 5, sealed: 6 })
  expect(await tenant.delivery.audit.verify(head === undefined ? {} : { expected: head })).toMatchObject({
    intact: true,
    entries: 17,
    unsealed: 0,
  })
  expect(await readAll(tenant, 15)).toHaveLength(15)
  const stale = async () => {
    for await (const _ of tenant.memory.events.tail({ after: cursor as string })) break
  }
  await failure(stale(), 'CURSOR_STALE')
})
