import fc from 'fast-check'
import type { Experience } from 'pgfleet/learning'
import { expect, test } from 'vitest'
import { contentHash, isClose, type Rates, ReferenceModel } from './reference.js'
import { expire, newTenant, useFleet } from './support.js'

const fleet = useFleet()

const RATES: Record<string, Rates> = {
  'test-generator': { learningRate: 0.1, discountFactor: 0.95, explorationRate: 0.2 },
  'eager-agent': { learningRate: 0.7, discountFactor: 0.5, explorationRate: 0.9 },
}
const STATES = ['here', 'there', { at: 'far', depth: [1, 2] }]
const ACTIONS = ['left', 'right', { go: 'up', by: 2 }]
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 1 })
const unit = fc.double({ min: 0, max: 1, noNaN: true }).filter((x) => x === 0 || x > 1e-6)

const experience: fc.Arbitrary<Experience> = fc
  .record({
    agentType: fc.constantFrom(...Object.keys(RATES)),
    state: fc.constantFrom(...STATES),
    action: fc.constantFrom(...ACTIONS),
    reward: fc.double({ min: -10, max: 10, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-6),
    // Some of them are never learned about, so that their worth is unknown.
    nextState: fc.option(fc.constantFrom(...STATES, ...STATES, 'unknown'), { nil: undefined, freq: 8 }),
    terminal: optional(fc.boolean()),
    nextAction: optional(fc.constantFrom(...ACTIONS, 'unknown')),
    algorithm: optional(fc.constantFrom('q-learning', 'sarsa', 'expected-sarsa', 'double-q')),
    learningRate: optional(fc.oneof(fc.constant('visits' as const), fc.double({ min: 0.001, max: 1, noNaN: true }))),
    discountFactor: optional(unit),
    explorationRate: optional(unit),
    draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined)) as never)

/** Each key once, no self loop, one estimate: what the database may take a shorter way for. */
const plainBatch = fc
  .uniqueArray(experience, {
    minLength: 1,
    maxLength: 12,
    size: 'large',
    selector: ({ agentType, state, action }) => JSON.stringify([agentType, state, action]),
  })
  .map((batch) =>
    batch.map((one) => ({
      ...one,
      algorithm: one.algorithm === 'double-q' ? ('sarsa' as const) : (one.algorithm ?? 'q-learning'),
      terminal: one.terminal === true || one.nextState === one.state,
    })),
  )

const step = fc.oneof(
  { weight: 3, arbitrary: plainBatch.map((batch) => ({ batch })) },
  { weight: 5, arbitrary: fc.array(experience, { minLength: 1, maxLength: 25 }).map((batch) => ({ batch })) },
  { weight: 3, arbitrary: fc.record({ expire: fc.nat(17) }) },
)

/** Every value that a tenant holds, compared with the model's. */
async function expectSameValues(learning: Awaited<ReturnType<typeof newTenant>>['learning'], model: ReferenceModel) {
  const lookups = Object.keys(RATES).flatMap((agentType) =>
    [...STATES, 'unknown'].map((state) => ({ agentType, state })),
  )
  const [values, best] = [await learning.values(lookups), await learning.best(lookups)]
  for (const [i, { agentType, state }] of lookups.entries()) {
    const wanted = model.values(agentType, state)
    // By action: values that differ by a rounding error alone may change places.
    const byAction = new Map(values[i]?.map((value) => [contentHash(value.action), value]))
    expect(byAction.size).toBe(wanted.length)
    for (const one of wanted) {
      const found = byAction.get(contentHash(one.action))
      expect(found).toMatchObject({ visits: one.visits })
      expect(isClose(found?.q ?? Number.NaN, one.q), `${found?.q} for ${one.q}`).toBe(true)
    }
    expect(best[i] === undefined).toBe(wanted.length === 0)
    if (wanted[0] !== undefined) expect(isClose(best[i]?.q ?? Number.NaN, wanted[0].q)).toBe(true)
  }
}

test('any sequence of batches gives what the reference gives', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16, size: 'large' }), async (steps) => {
      const tenant = await newTenant(fleet())
      const [, rates] = Object.entries(RATES)[1] as [string, Rates]
      await tenant.learning.agentTypes.upsert({ agentType: 'eager-agent', ...rates })
      const model = new ReferenceModel(RATES)
      for (const one of steps) {
        if ('expire' in one) {
          // One of those that are there.
          const rows = Object.keys(RATES).flatMap((agentType) =>
            STATES.flatMap((state) =>
              model.values(agentType, state).map(({ action }) => ({ agentType, state, action })),
            ),
          )
          const row = rows[one.expire % Math.max(1, rows.length)]
          if (row === undefined) continue
          const { agentType, state, action } = row
          expect(await expire(fleet(), tenant.id, agentType, state, action)).toBe(true)
          model.expire(agentType, state, action)
          continue
        }
        const [learned, wanted] = [await tenant.learning.learn(one.batch), model.learn(one.batch)]
        for (const [i, want] of wanted.entries()) {
          const got = learned[i]
          expect(got).toMatchObject({ visits: want.visits, replayed: false })
          expect(isClose(got?.q ?? Number.NaN, want.q), `item ${i}: q ${got?.q} for ${want.q}`).toBe(true)
          expect(
            isClose(got?.tdError ?? Number.NaN, want.tdError),
            `item ${i}: error ${got?.tdError} for ${want.tdError}`,
          ).toBe(true)
        }
      }
      await expectSameValues(tenant.learning, model)
    }),
    { numRuns: process.env.TEST_LONG ? 1000 : 120 },
  )
})
