import type { Experience } from 'pgfleet/learning'
import { beforeEach, describe, expect, test } from 'vitest'
import { expire, newTenant, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let learning: Awaited<ReturnType<typeof newTenant>>['learning']
let tenantId: string

/** Sets a value outright: a terminal experience at rate 1. */
const set = (state: string, action: string, q: number, more: Partial<Experience> = {}) =>
  learning.learn({ agentType, state, action, reward: q, terminal: true, learningRate: 1, ...more })

beforeEach(async () => {
  const tenant = await newTenant(fleet())
  learning = tenant.learning
  tenantId = tenant.id
})

describe('one experience, worked out by hand', () => {
  const step = { agentType, state: 's', action: 'a', reward: 1, nextState: 't', learningRate: 0.5, discountFactor: 0.5 }

  beforeEach(async () => {
    await set('t', 'x', 8)
    await set('t', 'y', 4)
    await set('s', 'a', 2)
  })

  test('q-learning looks to the best next action', async () => {
    // 2 + 0.5 * (1 + 0.5 * 8 - 2)
    expect(await learning.learn(step)).toEqual({ q: 3.5, visits: 2, tdError: 3, replayed: false })
  })

  test('sarsa looks to the action taken next', async () => {
    expect(await learning.learn({ ...step, algorithm: 'sarsa', nextAction: 'y' })).toMatchObject({ q: 2.5, tdError: 1 })
  })

  test('sarsa expects nothing of an action that is not known', async () => {
    expect(await learning.learn({ ...step, algorithm: 'sarsa', nextAction: 'z' })).toMatchObject({ tdError: -1 })
  })

  test('expected sarsa averages over the exploration', async () => {
    // 0.5 * 8 + 0.5 * (8 + 4) / 2 = 7
    const learned = await learning.learn({ ...step, algorithm: 'expected-sarsa', explorationRate: 0.5 })
    expect(learned).toMatchObject({ q: 3.25, tdError: 2.5 })
  })

  test('double q-learning chooses by one estimate and values by the other', async () => {
    await set('t', 'y', 6, { algorithm: 'double-q', draw: 0.9 })
    // The first estimates of t are x 8 and y 4, the second 0 and 6: the first picks x, which the second holds worth 0.
    const first = await learning.learn({ ...step, algorithm: 'double-q', draw: 0.49 })
    expect(first).toMatchObject({ tdError: -1, q: (1.5 + 0) / 2 })
    // The second picks y, which the first holds worth 4; from 0: 0 + 0.5 * (1 + 0.5 * 4 - 0).
    const second = await learning.learn({ ...step, algorithm: 'double-q', draw: 0.5 })
    expect(second).toMatchObject({ tdError: 3, q: (1.5 + 1.5) / 2, visits: 3 })
  })

  test('terminal expects nothing of the next state', async () => {
    expect(await learning.learn({ ...step, terminal: true })).toMatchObject({ tdError: -1 })
  })

  test('without a next state nothing is expected', async () => {
    const { nextState: _, ...last } = step
    expect(await learning.learn(last)).toMatchObject({ tdError: -1 })
  })

  test('an unknown next state is worth nothing', async () => {
    expect(await learning.learn({ ...step, nextState: 'nowhere' })).toMatchObject({ tdError: -1 })
  })

  test('a next state that another agent type knows is unknown to this one', async () => {
    const other = { ...step, agentType: 'test-executor' }
    expect(await learning.learn(other)).toMatchObject({ tdError: 1 })
  })

  test('the best of only negative next values is negative, not 0', async () => {
    await set('t', 'x', -8)
    await set('t', 'y', -4)
    expect(await learning.learn(step)).toMatchObject({ tdError: 1 + 0.5 * -4 - 2 })
  })

  test('an expired next action does not count', async () => {
    await expire(fleet(), tenantId, agentType, 't', 'x')
    expect(await learning.learn(step)).toMatchObject({ tdError: 1 + 0.5 * 4 - 2 })
  })
})

describe('several of one key in one call', () => {
  test('apply one after the other in the order given', async () => {
    const learned = await learning.learn(
      [8, 0, 4].map((reward) => ({ agentType, state: 's', action: 'a', reward, learningRate: 0.5 })),
    )
    expect(learned.map(({ q, visits }) => [q, visits])).toEqual([
      [4, 1],
      [2, 2],
      [3, 3],
    ])
  })

  test('a self loop reads its own value as of then', async () => {
    const loop = { agentType, state: 's', action: 'a', reward: 1, nextState: 's', learningRate: 1, discountFactor: 1 }
    expect((await learning.learn([loop, loop, loop])).map(({ q }) => q)).toEqual([1, 2, 3])
  })

  test('the value of another key is read as of the start', async () => {
    const [, reads] = await learning.learn([
      { agentType, state: 't', action: 'x', reward: 100, learningRate: 1 },
      { agentType, state: 's', action: 'a', reward: 1, nextState: 't', learningRate: 1, discountFactor: 1 },
    ])
    expect(reads?.q).toBe(1)
  })

  test('the learning rate by visits gives the plain mean', async () => {
    const rewards = [3, 9, 6, 2]
    const learned = await learning.learn(
      rewards.map((reward) => ({ agentType, state: 's', action: 'a', reward, learningRate: 'visits' as const })),
    )
    expect(learned.at(-1)?.q).toBeCloseTo(5, 12)
  })
})

test('the rates of the agent type count where a call gives none', async () => {
  await learning.agentTypes.upsert({ agentType, learningRate: 0.25, discountFactor: 0.5 })
  await set('t', 'x', 8)
  expect(await learning.learn({ agentType, state: 's', action: 'a', reward: 4, nextState: 't' })).toMatchObject({
    q: 2,
  })
})

test('an expired value starts anew', async () => {
  await set('s', 'a', 50)
  await expire(fleet(), tenantId, agentType, 's', 'a')
  const learned = await learning.learn({ agentType, state: 's', action: 'a', reward: 4, learningRate: 0.5 })
  expect(learned).toEqual({ q: 2, visits: 1, tdError: 4, replayed: false })
})

test('an expired double-q value forgets both estimates', async () => {
  await set('s', 'a', 50, { algorithm: 'double-q', draw: 0.9 })
  await expire(fleet(), tenantId, agentType, 's', 'a')
  expect(await set('s', 'a', 4)).toMatchObject({ q: 4, visits: 1 })
})

test('keys that differ only in the order of their members are one state', async () => {
  const experience = { agentType, action: 'a', reward: 1 }
  await learning.learn({ ...experience, state: { x: 1, y: [{ b: 1, a: 2 }] } })
  const learned = await learning.learn({ ...experience, state: { y: [{ a: 2, b: 1 }], x: 1 } })
  expect(learned.visits).toBe(2)
})

test('a value that decays towards zero stays learnable', async () => {
  // Halved 1,200 times, 1 becomes smaller than the smallest double.
  await set('s', 'a', 1)
  const decay = Array.from({ length: 1200 }, () => ({
    agentType,
    state: 's',
    action: 'a',
    reward: 0,
    learningRate: 0.5,
  }))
  const learned = await learning.learn(decay)
  expect(learned.at(-1)).toMatchObject({ visits: 1201 })
  expect(Math.abs(learned.at(-1)?.q ?? 1)).toBeLessThan(1e-300)
})

test('an empty call does nothing', async () => {
  expect(await learning.learn([])).toEqual([])
})
