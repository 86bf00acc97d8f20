import { describe, expect, test } from 'vitest'
import { failure, onEngines, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await fleet.tenants.create({ id: 'acme' })
const { learning } = fleet.tenant('acme')
const TABLES = ['learning.experiences', 'learning.rewards', 'learning.trajectories']
const DAY = 86_400_000

/** A UUIDv7 of a time. */
function idAt(time: number): string {
  const hex = Math.trunc(time).toString(16).padStart(12, '0')
  const random = Math.trunc(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${random}`
}

const partitionsOf = async (table: string) =>
  (
    await sql<{ name: string }>(
      fleet,
      'select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1',
      [table],
    )
  ).map(({ name }) => name)

const ensure = (table: string, id: string) => {
  const [schema, name] = table.split('.')
  return sql(fleet, 'select platform.ensure_partition($1::text, $2::text, $3::uuid)', [schema, name, id])
}

const month = (time: number) => new Date(time).toISOString().slice(0, 7).replace('-', '')

test('an experience with an id makes its month, and finds it the next time', async () => {
  const id = idAt(Date.now())
  const experience = { agentType: 'quality-gate', state: 1, action: 1, reward: 1, id }
  expect(await learning.learn(experience)).toMatchObject({ visits: 1, replayed: false })
  expect(await partitionsOf('learning.experiences')).toEqual([`learning.experiences_p${month(Date.now())}`])
  expect(await learning.learn(experience)).toMatchObject({ visits: 1, replayed: true })
})

describe.each(TABLES)('%s', (table) => {
  const retention = table === 'learning.experiences' ? 35 : 100

  test('takes the months of its window: retention back, 31 days ahead', async () => {
    for (const day of [-retention + 1, 0, 30]) await ensure(table, idAt(Date.now() + day * DAY))
    const months = new Set([-retention + 1, 0, 30].map((day) => month(Date.now() + day * DAY)))
    expect(await partitionsOf(table)).toEqual(expect.arrayContaining([...months].map((each) => `${table}_p${each}`)))
  })

  test.each([-retention - 1, 32, -3000, 300_000])('refuses an id of %i days from now', async (day) => {
    const before = await partitionsOf(table)
    await failure(ensure(table, idAt(Date.now() + day * DAY)), 'ID_OUT_OF_WINDOW')
    expect(await partitionsOf(table)).toEqual(before)
  })

  test('refuses an id that is no UUIDv7', async () => {
    await failure(ensure(table, '550e8400-e29b-41d4-a716-446655440000'), 'ID_OUT_OF_WINDOW')
    await failure(ensure(table, '00000000-0000-0000-0000-000000000000'), 'ID_OUT_OF_WINDOW')
  })

  test('its partitions have forced row-level security, the policy, no grants, and the key of the table', async () => {
    for (const name of await partitionsOf(table)) {
      const [row] = await sql(
        fleet,
        `select c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole::text as owner,
          (select count(*) from aclexplode(c.relacl) x where x.grantee <> c.relowner) as grants,
          (select count(*) from pg_policy p where p.polrelid = c.oid) as policies,
          (select count(*) from pg_index i where i.indrelid = c.oid and i.indisprimary) as keys
        from pg_class c where c.oid = $1::regclass`,
        [name],
      )
      expect(row, name).toEqual({
        relrowsecurity: true,
        relforcerowsecurity: true,
        owner: 'pgfleet_owner',
        grants: 0,
        policies: 1,
        keys: 1,
      })
    }
  })
})

test('the bounds of a partition are those of its month, to the millisecond', async () => {
  const start = new Date(new Date().toISOString().slice(0, 7)).getTime()
  await ensure('learning.trajectories', idAt(start))
  // The last of the month before belongs to another partition.
  await ensure('learning.trajectories', idAt(start - 1))
  const place = (id: string) =>
    sql(
      fleet,
      `select c.oid::regclass::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'learning.trajectories'::regclass
        and pg_get_expr(c.relpartbound, c.oid) like 'FOR VALUES FROM%'
        and $1::uuid >= (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\)'))[1]::uuid
        and $1::uuid < (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::uuid`,
      [id],
    )
  expect(await place(idAt(start))).toEqual([{ name: `learning.trajectories_p${month(start)}` }])
  expect(await place(idAt(start - 1))).toEqual([{ name: `learning.trajectories_p${month(start - 1)}` }])
})

test('tables that are not registered are refused, whatever they are called', async () => {
  for (const table of ['q_values', 'no_such_table', 'trajectories; drop table learning.q_values']) {
    await failure(
      sql(fleet, 'select platform.ensure_partition($1::text, $2::text, $3::uuid)', [
        'learning',
        table,
        idAt(Date.now()),
      ]),
      'INPUT_INVALID',
    )
  }
})

test('an id out of the window names the argument', async () => {
  const outside = { agentType: 'quality-gate', state: 1, action: 1, reward: 1, id: idAt(Date.now() - 40 * DAY) }
  const error = await failure(learning.learn(outside), 'ID_OUT_OF_WINDOW')
  expect(error.retryable).toBe(false)
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection')(
  'ten who need a new month at once all get it',
  async () => {
    const [{ name } = { name: '' }] = await sql<{ name: string }>(
      fleet,
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'learning.experiences'::regclass and inhrelid::regclass::text like '%p${month(Date.now())}'`,
    )
    await sql(fleet, `drop table ${name}`)
    const calls = Array.from({ length: 10 }, (_, i) =>
      fleet.tenant('acme').transaction((tx) =>
        tx.learning.learn({
          agentType: 'quality-gate',
          state: `new-${i}`,
          action: 1,
          reward: 1,
          id: idAt(Date.now()),
        }),
      ),
    )
    expect((await Promise.all(calls)).map(({ visits }) => visits)).toEqual(calls.map(() => 1))
    expect(await partitionsOf('learning.experiences')).toContain(name)
  },
)

// Last, because it drops.
test('only what lies wholly beyond the retention is dropped', async () => {
  const now = Date.now()
  const old = async (table: string, daysAgo: number) => {
    // As it was made when its month was the present one.
    const [schema, bare] = table.split('.')
    await sql(
      fleet,
      `update platform.partitioned_tables set retention = interval '9000 days' where table_name = '${bare}'`,
    )
    await sql(fleet, 'select platform.ensure_partition($1::text, $2::text, $3::uuid)', [
      schema,
      bare,
      idAt(now - daysAgo * DAY),
    ])
    await sql(
      fleet,
      `update platform.partitioned_tables set retention = interval '${bare === 'experiences' ? 35 : 100} days' where table_name = '${bare}'`,
    )
    return `${table}_p${month(now - daysAgo * DAY)}`
  }
  const gone = [
    await old('learning.trajectories', 200),
    await old('learning.trajectories', 400),
    await old('learning.rewards', 200),
  ].sort()
  const kept = [await old('learning.trajectories', 100), await old('learning.trajectories', 0)]
  const dropped = await sql<{ partition_name: string; size_bytes: number }>(
    fleet,
    'select * from platform.drop_expired_partitions()',
  )
  expect(dropped.map((each) => each.partition_name).sort()).toEqual(gone)
  expect(dropped.every(({ size_bytes }) => size_bytes >= 0)).toBe(true)
  for (const name of kept) expect(await partitionsOf('learning.trajectories')).toContain(name)
  expect(await sql(fleet, 'select * from platform.drop_expired_partitions()')).toEqual([])
})
