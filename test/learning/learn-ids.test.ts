import type { Experience } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { beforeEach, expect, test } from 'vitest'
import { dayOffset, dropPartitions, failure, newTenant, pick, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const experience = (more: Partial<Experience> = {}): Experience => ({
  agentType,
  state: 's',
  action: 'a',
  reward: 8,
  learningRate: 0.5,
  ...more,
})

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('a retry gets the answer of the first time and changes nothing', async () => {
  const one = experience({ id: uuidv7() })
  const first = await tenant.learning.learn(one)
  await tenant.learning.learn(experience({ reward: 100 }))
  expect(await tenant.learning.learn(one)).toEqual({ ...first, replayed: true })
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ visits: 2, q: 52 })
})

test('an id twice in one call is applied once', async () => {
  const one = experience({ id: uuidv7() })
  const learned = await tenant.learning.learn([one, experience(), one])
  expect(learned.map(({ q, visits, replayed }) => [q, visits, replayed])).toEqual([
    [4, 1, false],
    [6, 2, false],
    [4, 1, true],
  ])
})

test('a retry in one call with new experiences of its key', async () => {
  const one = experience({ id: uuidv7() })
  await tenant.learning.learn(one)
  const learned = await tenant.learning.learn([experience(), one, experience()])
  expect(learned.map(({ visits, replayed }) => [visits, replayed])).toEqual([
    [2, false],
    [1, true],
    [3, false],
  ])
})

test('a retry in upper case is the same id', async () => {
  const one = experience({ id: uuidv7() })
  await tenant.learning.learn(one)
  expect(await tenant.learning.learn({ ...one, id: one.id?.toUpperCase() as string })).toMatchObject({ replayed: true })
})

test.each(['state', 'action', 'agentType'])('an id of another %s is a conflict', async (member) => {
  const one = experience({ id: uuidv7() })
  await tenant.learning.learn(one)
  const error = await failure(tenant.learning.learn({ ...one, [member]: 'test-executor' }))
  expect(error.code).toBe('ID_CONFLICT')
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ visits: 1 })
})

test('one id for two keys in one call is a conflict, and nothing is written', async () => {
  const id = uuidv7()
  const error = await failure(tenant.learning.learn([experience({ id }), experience({ id, state: 't' })]))
  expect(error.code).toBe('ID_CONFLICT')
  expect(await sql(fleet(), 'select from learning.q_values where tenant_id = $1', [tenant.id])).toEqual([])
  expect(await sql(fleet(), 'select from learning.experiences where tenant_id = $1', [tenant.id])).toEqual([])
})

test('the same id in two tenants is two experiences', async () => {
  const one = experience({ id: uuidv7() })
  await tenant.learning.learn(one)
  const other = await newTenant(fleet())
  expect(await other.learning.learn(one)).toMatchObject({ visits: 1, replayed: false })
})

test('a retry after the value was removed answers as before and leaves no row behind', async () => {
  const one = experience({ id: uuidv7() })
  const first = await tenant.learning.learn(one)
  await sql(fleet(), 'delete from learning.q_values where tenant_id = $1', [tenant.id])
  expect(await tenant.learning.learn(one)).toEqual({ ...first, replayed: true })
  expect(await tenant.learning.values(agentType, 's')).toEqual([])
  expect(await sql(fleet(), 'select from learning.q_values where tenant_id = $1', [tenant.id])).toEqual([])
})

test.each([
  ['36 days old', -36],
  ['32 days ahead', 32],
])('an id %s lies outside the window', async (_, days) => {
  const error = await failure(tenant.learning.learn(experience({ id: uuidv7({ msecs: dayOffset(days) }) })))
  expect(error.code).toBe('ID_OUT_OF_WINDOW')
  expect(error.field).toMatch(/^experiences\[0\]/)
  expect(await tenant.learning.values(agentType, 's')).toEqual([])
})

test('an id that is no UUIDv7 is refused', async () => {
  const error = await failure(tenant.learning.learn(experience({ id: crypto.randomUUID() })))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'experiences[0].id' })
})

test('one call takes ids of every month of the window', async () => {
  await dropPartitions(fleet(), 'experiences')
  const ids = [-34, -17, 0, 15, 30].map((days) => uuidv7({ msecs: dayOffset(days) }))
  const learned = await tenant.learning.learn(ids.map((id) => experience({ id })))
  expect(learned.map(({ visits }) => visits)).toEqual([1, 2, 3, 4, 5])
})

test('18 writers that each send everything twice apply each id once', async () => {
  const applied = new Map<string, number>()
  await Promise.all(
    Array.from({ length: 18 }, async (_, writer) => {
      const next = pick(writer)
      for (let i = 0; i < 20; i++) {
        const batch = Array.from({ length: 10 }, () =>
          experience({ id: uuidv7(), state: `s${next(4)}`, reward: next(9) }),
        )
        // At once, so that both are in flight; in another order; and one of them again inside the same call.
        const reversed = batch.toReversed()
        const [once, again] = await Promise.all([
          tenant.learning.learn([...batch, batch[3] as Experience]),
          tenant.learning.learn(reversed),
        ])
        for (const [j, { id }] of batch.entries()) {
          const [a, b] = [once[j], again[batch.length - 1 - j]]
          expect({ ...a, replayed: 0 }).toEqual({ ...b, replayed: 0 })
          expect(Number(a?.replayed) + Number(b?.replayed)).toBe(1)
          applied.set(id as string, a?.visits ?? 0)
        }
        expect(once[10]).toMatchObject({ replayed: true, visits: once[3]?.visits })
      }
    }),
  )
  expect(applied.size).toBe(3600)
  const [row] = await sql<{ visits: string }>(
    fleet(),
    'select sum(visits)::integer as visits from learning.q_values where tenant_id = $1',
    [tenant.id],
  )
  expect(row?.visits).toBe(3600)
})
