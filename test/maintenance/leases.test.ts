// Who leads, and that whoever does not any more cannot go on.
import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { engine, failure, onEngines, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
for (const id of ['a', 'b', 'c']) await fleet.tenants.create({ id })

/** As if the time of the lease had passed. */
const runOut = () => sql(fleet, `update platform.maintenance_leases set expires_at = '-infinity'`)
/** Another process takes the lease. */
const take = async (holder: string, milliseconds = 60_000) => {
  const [row] = await sql<{ token: number | null; holder: string; interrupted: number }>(
    fleet,
    'select token, holder, interrupted from platform.acquire_maintenance_lease($1, $2)',
    [holder, milliseconds],
  )
  return row as NonNullable<typeof row>
}

/** How another process opens this database. */
const sameDatabase = async () => {
  const [{ name } = { name: '' }] = await sql<{ name: string }>(fleet, 'select current_database() as name')
  const url = new URL((engine === 'pooled' ? process.env.DATABASE_URL_POOLED : process.env.DATABASE_URL) as string)
  url.pathname = `/${name}`
  return { url: url.href }
}

test('one leads until its lease has run out; then another may, under a token of its own', async () => {
  await runOut()
  const first = await take('first')
  expect(first).toMatchObject({ holder: 'first' })
  expect(await take('second')).toMatchObject({ token: null, holder: 'first' })
  await runOut()
  const second = await take('second')
  expect(second.token).toBe((first.token as number) + 1)
  const renew = async (token: number | null) =>
    (await sql<{ ok: boolean }>(fleet, 'select platform.renew_maintenance_lease($1, 1000) as ok', [token]))[0]?.ok
  expect(await renew(first.token)).toBe(false)
  expect(await renew(second.token)).toBe(true)
  // A leader that was stalled wakes: its batch does not begin.
  const batch = (token: number | null) =>
    fleet.database.run({ name: 'test.batch', text: 'select platform.begin_maintenance_batch($1, 1000, 1000)' }, [token])
  await failure(batch(first.token), 'MAINTENANCE_LEASE_LOST')
  await batch(second.token)
  await sql(fleet, 'select platform.release_maintenance_lease($1)', [first.token])
  expect(await take('third')).toMatchObject({ token: null, holder: 'second' })
  await runOut()
})

test('runs that a lost leader left open are closed as interrupted by the next', async () => {
  await runOut()
  const { token } = await take('lost')
  const id = '01920000-0000-7000-8000-000000000000'
  await sql(fleet, `select platform.start_maintenance_run($1, $2, 'expiry', false)`, [token, id])
  await sql(fleet, `select platform.note_maintenance_run($1, $2, '{"counts": {"memory.key_values": 5}}', 'b')`, [
    token,
    id,
  ])
  await runOut()
  const next = await take('next')
  expect(next.interrupted).toBe(1)
  const [run] = await fleet.maintenance.runs({ service: 'expiry', limit: 1 })
  expect(run).toMatchObject({
    id,
    leader: 'lost',
    outcome: 'interrupted',
    done: { counts: { 'memory.key_values': 5 } },
    error: { code: 'MAINTENANCE_LEASE_LOST' },
  })
  // The lost leader wakes, and would record its end: it is too late.
  const [ended] = await sql<{ ok: boolean }>(
    fleet,
    `select platform.end_maintenance_run($1, $2, 'ok', '{}', null, null) as ok`,
    [token, id],
  )
  expect(ended?.ok).toBe(false)
  await runOut()
  // The next run goes on behind the position that was noted.
  await fleet.maintenance.runOnce('expiry')
  expect(await sql(fleet, 'select * from platform.maintenance_positions')).toEqual([])
})

test('while another leads runOnce is refused, and says who leads', async () => {
  await runOut()
  await take('elsewhere')
  const error = await failure(fleet.maintenance.runOnce('expiry'), 'MAINTENANCE_LEASE_HELD')
  expect(error.message).toContain('elsewhere')
  await runOut()
})

test('a run whose lease is taken ends at its next batch, and nothing of that batch is done', async () => {
  await runOut()
  for (const id of ['a', 'b', 'c']) {
    await fleet
      .tenant(id)
      .memory.kv.setMany(Array.from({ length: 5 }, (_, n) => ({ key: `k${n}`, value: n, ttlMs: 60_000 })))
  }
  await sql(fleet, `update memory.key_values set expires_at = now() - interval '1 second'`)
  // Taken as soon as the run is there: the walk then has its tenants before it.
  let isTaken = false
  const stealing = fleet.maintenance.runOnce('expiry', {
    options: { expiry: { rowsMax: 1 } },
    lockTimeoutMs: 100,
  })
  while (!isTaken) {
    const [row] = await sql<{ open: number }>(
      fleet,
      'select count(*)::integer as open from platform.maintenance_runs where ended_at is null',
    )
    if (row?.open === 0) continue
    await runOut()
    isTaken = (await take('thief')).token !== null
  }
  const [run] = await stealing
  expect(run).toMatchObject({ outcome: 'interrupted' })
  const [left] = await sql<{ rows: number }>(fleet, 'select count(*)::integer as rows from memory.key_values')
  expect(left?.rows).toBeGreaterThan(0)
  await runOut()
  await fleet.maintenance.runOnce('expiry')
  expect(await sql(fleet, 'select key from memory.key_values')).toEqual([])
})

test('a service that goes on leads, runs what is due, and gives the lease up when it stops', async () => {
  await runOut()
  const seen = new Set<string>()
  let all: (() => void) | undefined
  const ran = new Promise<void>((resolve) => {
    all = resolve
  })
  const errors: unknown[] = []
  fleet.maintenance.start({
    services: ['run-history', 'expiry', 'partitions-ahead'],
    intervalMs: 100,
    onRun: (run) => {
      if (run.outcome === 'failed' || run.outcome === 'skipped') errors.push(run)
      seen.add(run.service)
      if (seen.size === 3) all?.()
    },
    onError: (error) => {
      errors.push(error)
      all?.()
    },
  })
  fleet.maintenance.start()
  await ran
  expect(fleet.maintenance.isLeader).toBe(true)
  // In this process it goes on under the same lease.
  expect(await fleet.maintenance.runOnce('run-history', { dryRun: true })).toMatchObject([
    { outcome: 'ok', dryRun: true },
  ])
  await fleet.maintenance.stop()
  await fleet.maintenance.stop()
  expect(fleet.maintenance.isLeader).toBe(false)
  expect(errors).toEqual([])
  expect((await take('next')).token).not.toBeNull()
  await runOut()
})

onEngines(['direct', 'pooled'], 'an embedded database belongs to one process')(
  'a service that goes on ends with its fleet, and gives the lease up',
  async () => {
    await runOut()
    const other = await openFleet(await sameDatabase())
    await new Promise<void>((resolve) => {
      other.maintenance.start({ intervalMs: 100, onLead: (leads) => leads && resolve() })
    })
    await other.close()
    expect((await take('next')).token).not.toBeNull()
    await runOut()
  },
)

test('options that are wrong are named', async () => {
  const { maintenance } = fleet
  const wrong = (options: object) =>
    failure(
      Promise.resolve().then(() => maintenance.runOnce('expiry', options)),
      'INPUT_INVALID',
    )
  expect((await wrong({ options: { expiry: { rowsMax: 0 } } })).field).toBe('options.options.expiry.rowsMax')
  expect((await wrong({ options: { expiry: { rows: 1 } } })).field).toBe('options.options.expiry.rows')
  expect((await wrong({ leaseMs: 1 })).field).toBe('options.leaseMs')
  expect((await wrong({ nonsense: 1 })).field).toBe('options.nonsense')
  expect((await failure(maintenance.runs({ limit: 0 }), 'INPUT_INVALID')).field).toBe('options.limit')
  expect(maintenance.services().map(({ name }) => name)).toContain('retention')
})

onEngines(['direct', 'pooled'], 'an embedded database belongs to one process')(
  'of two that go on one leads; when it stops the other follows',
  async () => {
    await runOut()
    await using other = await openFleet(await sameDatabase())
    const leads = (each: typeof fleet) =>
      new Promise<void>((resolve) => {
        each.maintenance.start({ services: ['run-history'], leaseMs: 500, onLead: (is) => is && resolve() })
      })
    await leads(fleet)
    const followed = leads(other)
    expect(other.maintenance.isLeader).toBe(false)
    await fleet.maintenance.stop()
    await followed
    expect(other.maintenance.isLeader).toBe(true)
  },
)
