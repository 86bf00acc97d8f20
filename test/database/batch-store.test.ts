import { describe, expect, test } from 'vitest'
import { failure, openTestFleet } from '../setup/index.js'

// Gathering as callers of the store see it; test/database/batch.test.ts has every corner.
const fleet = await openTestFleet({ batch: { flightsMax: 1 } })
await fleet.tenants.create({ id: 'acme' })
const { learning } = fleet.tenant('acme')
const learn = (state: string | number, more: object = {}) =>
  learning.learn({ agentType: 'quality-gate', state, action: 'go', reward: 1, learningRate: 1, ...more })
const metrics = (operation: string) => fleet.metrics().find((each) => each.operation === operation)

describe('concurrent calls', () => {
  test('of eighteen agents are one statement', async () => {
    await Promise.all(Array.from({ length: 18 }, (_, i) => learn(i, { reward: i })))
    expect(metrics('learning.learn')).toMatchObject({ batches: 1, items: 18, splits: 0, failures: 0 })
    const found = await Promise.all(Array.from({ length: 18 }, (_, i) => learning.best('quality-gate', i)))
    expect(found.map((value) => value?.q)).toEqual(Array.from({ length: 18 }, (_, i) => i))
    expect(metrics('learning.best')).toMatchObject({ batches: 1, items: 18 })
  })

  test('an unknown agent type rejects its own caller only', async () => {
    const calls = Array.from({ length: 18 }, (_, i) => learn(`bad-${i}`, i === 11 ? { agentType: 'nobody' } : {}))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map((_, i) => (i === 11 ? 'rejected' : 'fulfilled')))
    await failure(calls[11] as Promise<unknown>, 'AGENT_TYPE_UNKNOWN')
    const found = await Promise.all(calls.map((_, i) => learning.best('quality-gate', `bad-${i}`)))
    expect(found.map((value) => value?.visits)).toEqual(found.map((_, i) => (i === 11 ? undefined : 1)))
  })

  test('of one key are applied one after the other, and none is lost', async () => {
    const learned = await Promise.all(Array.from({ length: 40 }, () => learn('same')))
    expect(learned.map(({ visits }) => visits)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  })

  test('an abort in flight leaves the outcome of a write unknown, and its neighbours alone', async () => {
    const controller = new AbortController()
    const aborted = learn('in-flight', { reward: 5 }).then(() => 'applied')
    const flying = learning.learn(
      { agentType: 'quality-gate', state: 'in-flight-too', action: 'go', reward: 5 },
      { signal: controller.signal },
    )
    // The batch leaves at the end of this turn; the database needs longer to answer.
    await new Promise((sent) => setImmediate(sent))
    controller.abort()
    await failure(flying, 'OUTCOME_UNKNOWN')
    expect(await aborted).toBe('applied')
  })

  test('an aborted signal stops a call of any kind before it is sent', async () => {
    const signal = AbortSignal.abort()
    await failure(learning.best('quality-gate', 'x', { signal }), 'ABORTED')
    await failure(
      learning.learn({ agentType: 'quality-gate', state: 'never', action: 1, reward: 1 }, { signal }),
      'ABORTED',
    )
    expect(await learning.best('quality-gate', 'never')).toBeUndefined()
  })
})

test('a full queue pushes back: callers wait, and all are served', async () => {
  await using small = await openTestFleet({ batch: { queueMax: 5, waitersMax: 1000, flightsMax: 1 } })
  await small.tenants.create({ id: 'acme' })
  const tenant = small.tenant('acme')
  const calls = Array.from({ length: 60 }, (_, state) =>
    tenant.learning.learn({ agentType: 'quality-gate', state, action: 1, reward: 1 }),
  )
  expect((await Promise.all(calls)).every(({ visits }) => visits === 1)).toBe(true)
  expect(small.metrics()[0]?.batchSize.max).toBeLessThanOrEqual(5)
})
