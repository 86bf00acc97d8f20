import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine } from '../setup/index.js'

// More callers than connections: behind PgBouncer 60 clients share at most 20 sessions of the server, so each of these
// hands session after session from tenant to tenant.
const database = await createTestDatabase()
const fleet = await openFleet({ ...database.options, poolMax: 60 })
afterFile(() => fleet.close())

const tenants = Array.from({ length: engine === 'embedded' ? 10 : 50 }, (_, number) => ({ id: `t-${number}`, number }))
const rounds = engine === 'embedded' ? 3 : 10
await Promise.all(tenants.map(({ id }) => fleet.tenants.create({ id })))

test('interleaved tenants see their own rows alone', async () => {
  await Promise.all(
    tenants.map(({ id, number }) =>
      fleet
        .tenant(id)
        .learning.learn({ agentType: 'quality-gate', state: 'same', action: 'same', reward: number, learningRate: 1 }),
    ),
  )
  const seen: { expected: number; got: (number | undefined)[] }[] = []
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      tenants.map(async ({ id, number }) => {
        const { learning, transaction } = fleet.tenant(id)
        const [best, values, inside] = await Promise.all([
          learning.best('quality-gate', 'same'),
          learning.values('quality-gate', 'same'),
          transaction(async (tx) => (await tx.learning.values('quality-gate', 'same')).map(({ q }) => q)),
        ])
        seen.push({ expected: number, got: [best?.q, ...values.map(({ q }) => q), ...inside] })
      }),
    )
  }
  expect(seen).toHaveLength(tenants.length * rounds)
  for (const { expected, got } of seen) expect(got).toEqual([expected, expected, expected])
})

test('a tenant whose transactions fail leaves nothing behind for the next', async () => {
  const outcomes = await Promise.all(
    tenants.map(async ({ id, number }) => {
      const work = fleet.tenant(id).transaction(async (tx) => {
        await tx.learning.learn({ agentType: 'quality-gate', state: 'other', action: 1, reward: 1 })
        if (number % 2 === 0) throw new Error('undone')
      })
      return work.then(
        () => 'kept',
        (error: Error) => error.message,
      )
    }),
  )
  expect(outcomes).toEqual(tenants.map(({ number }) => (number % 2 === 0 ? 'undone' : 'kept')))
  const known = await Promise.all(tenants.map(({ id }) => fleet.tenant(id).learning.values('quality-gate', 'other')))
  expect(known.map((values) => values.length)).toEqual(tenants.map(({ number }) => number % 2))
})
