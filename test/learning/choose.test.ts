import fc from 'fast-check'
import type { ChoiceOptions } from 'pgfleet/learning'
import { beforeEach, describe, expect, test } from 'vitest'
import { chiSquare } from './chi-square.js'
import { failure, newTenant, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let learning: Awaited<ReturnType<typeof newTenant>>['learning']

const set = (action: string, q: number, visits = 1) =>
  learning.learn(Array.from({ length: visits }, () => ({ agentType, state: 's', action, reward: q, learningRate: 1 })))

/** How often each action is chosen over so many seeds. */
async function frequencies(options: ChoiceOptions, seeds: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let first = 0; first < seeds; first += 1000) {
    const requests = Array.from({ length: Math.min(1000, seeds - first) }, (_, i) => ({
      agentType,
      state: 's',
      ...options,
      seed: first + i,
    }))
    for (const { action } of await learning.choose(requests)) {
      counts[String(action)] = (counts[String(action)] ?? 0) + 1
    }
  }
  return counts
}

beforeEach(async () => {
  learning = (await newTenant(fleet())).learning
})

describe('epsilon-greedy', () => {
  beforeEach(async () => {
    await set('a', 1)
    await set('b', 3, 2)
    await set('c', 2)
  })

  test('with epsilon 0 it takes the best, always', async () => {
    expect(await frequencies({ epsilon: 0 }, 200)).toEqual({ b: 200 })
    expect(await learning.choose(agentType, 's', { epsilon: 0 })).toEqual({
      action: 'b',
      q: 3,
      visits: 2,
      source: 'agent-type',
      explored: false,
    })
  })

  test('with epsilon 1 it takes each alike', async () => {
    const counts = await frequencies({ epsilon: 1 }, 3000)
    expect(chiSquare(counts, { a: 1, b: 1, c: 1 })).toBeLessThan(chiSquare.limit(2))
  })

  test('with epsilon 0.3 it explores in that share, and says so', async () => {
    const requests = Array.from({ length: 1000 }, (_, seed) => ({ agentType, state: 's', epsilon: 0.3, seed }))
    const choices = await learning.choose(requests)
    const explored = choices.filter((choice) => choice.explored).length
    expect(chiSquare({ explored, greedy: 1000 - explored }, { explored: 0.3, greedy: 0.7 })).toBeLessThan(
      chiSquare.limit(1),
    )
    expect(choices.filter((choice) => !choice.explored).every(({ action }) => action === 'b')).toBe(true)
  })

  test('without epsilon the exploration rate of the agent type counts', async () => {
    await learning.agentTypes.upsert({ agentType, explorationRate: 0, minExplorationRate: 0 })
    expect(await frequencies({}, 200)).toEqual({ b: 200 })
  })

  test('the same seed chooses the same, other seeds differ', async () => {
    const all = async () =>
      (
        await learning.choose(
          Array.from({ length: 50 }, (_, seed) => ({ agentType, state: 's', epsilon: 1, seed: seed - 25 })),
        )
      ).map(({ action }) => action)
    const first = await all()
    expect(await all()).toEqual(first)
    expect(new Set(first).size).toBe(3)
  })

  test('ties are broken at random', async () => {
    await set('a', 3)
    const counts = await frequencies({ epsilon: 0 }, 1000)
    expect(Object.keys(counts).sort()).toEqual(['a', 'b'])
    expect(chiSquare(counts, { a: 1, b: 1 })).toBeLessThan(chiSquare.limit(1))
  })
})

describe('softmax', () => {
  test.each([1, 0.5, 4])('at temperature %d it follows exp(q / temperature)', async (temperature) => {
    const values = { a: 0, b: 1, c: 2, d: -1 }
    for (const [action, q] of Object.entries(values)) await set(action, q)
    const counts = await frequencies({ strategy: 'softmax', temperature }, 4000)
    const weights = Object.fromEntries(Object.entries(values).map(([a, q]) => [a, Math.exp(q / temperature)]))
    expect(chiSquare(counts, weights)).toBeLessThan(chiSquare.limit(3))
  })

  test('values far apart do not overflow', async () => {
    await set('a', 1e6)
    await set('b', -1e6)
    expect(await frequencies({ strategy: 'softmax' }, 100)).toEqual({ a: 100 })
  })

  test('an allowed action without a value takes part at 0', async () => {
    await set('a', 1)
    const counts = await frequencies({ strategy: 'softmax', actions: ['a', 'new'] }, 2000)
    expect(chiSquare(counts, { a: Math.E, new: 1 })).toBeLessThan(chiSquare.limit(1))
  })
})

describe('ucb1', () => {
  const options = { strategy: 'ucb1' as const }

  test('takes what was tried little, by its formula', async () => {
    await set('a', 1, 100)
    await set('b', 0.9, 4)
    // a: 1 + sqrt(2 ln 104 / 100) = 1.30; b: 0.9 + sqrt(2 ln 104 / 4) = 2.42
    expect(await learning.choose(agentType, 's', options)).toMatchObject({ action: 'b', explored: true })
  })

  test('without a bonus it takes the best', async () => {
    await set('a', 1, 100)
    await set('b', 0.9, 4)
    const choice = await learning.choose(agentType, 's', { ...options, explorationWeight: 0 })
    expect(choice).toMatchObject({ action: 'a', explored: false })
  })

  test('the weight of the bonus moves the border', async () => {
    await set('a', 2, 100)
    await set('b', 1, 25)
    // The bonuses are 0.22 and 0.44 of the weight: b needs a weight above 1 / (0.4396 - 0.2198) = 4.55.
    expect(await learning.choose(agentType, 's', { ...options, explorationWeight: 4.5 })).toMatchObject({ action: 'a' })
    expect(await learning.choose(agentType, 's', { ...options, explorationWeight: 4.6 })).toMatchObject({ action: 'b' })
  })

  test('untried actions come first, all of them alike', async () => {
    await set('a', 100, 3)
    const counts = await frequencies({ ...options, actions: ['a', 'x', 'y'] }, 1000)
    expect(Object.keys(counts).sort()).toEqual(['x', 'y'])
    expect(chiSquare(counts, { x: 1, y: 1 })).toBeLessThan(chiSquare.limit(1))
  })

  test('every action is tried before one is tried twice', async () => {
    const actions = ['a', 'b', 'c', 'd']
    const tried: unknown[] = []
    for (let i = 0; i < 4; i++) {
      const { action } = await learning.choose(agentType, 's', { ...options, actions })
      tried.push(action)
      await set(String(action), i, 1)
    }
    expect(tried.sort()).toEqual(actions)
  })
})

describe('allowed actions', () => {
  test('are respected by every strategy, always', async () => {
    for (const [i, action] of ['a', 'b', 'c'].entries()) await set(action, i)
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'new', 'newer'), { minLength: 1 }),
        fc.constantFrom('epsilon-greedy' as const, 'softmax' as const, 'ucb1' as const),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (actions, strategy, epsilon) => {
          const request = {
            agentType,
            state: fc.sample(fc.constantFrom('s', 'unknown'), 1)[0] as string,
            strategy,
            epsilon,
            actions,
          }
          for (const { action } of await learning.choose(Array.from({ length: 20 }, () => request))) {
            expect(actions).toContain(action)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('an action without a value has no q and no visits', async () => {
    const choice = await learning.choose(agentType, 'unknown', { actions: [{ b: 1, a: 2 }], epsilon: 0 })
    expect(choice).toMatchObject({ action: { a: 2, b: 1 }, q: undefined, visits: 0, source: 'none' })
  })

  test('one given twice is not chosen twice as often', async () => {
    const counts = await frequencies({ epsilon: 1, actions: ['x', 'x', 'x', 'y'] }, 1000)
    expect(chiSquare(counts, { x: 1, y: 1 })).toBeLessThan(chiSquare.limit(1))
  })

  test('a better action that is not allowed does not make the choice explored', async () => {
    await set('a', 1)
    await set('b', 9)
    expect(await learning.choose(agentType, 's', { epsilon: 0, actions: ['a'] })).toMatchObject({
      explored: false,
      q: 1,
    })
  })
})

test('nothing known and nothing allowed gives no action', async () => {
  expect(await learning.choose(agentType, 'unknown')).toEqual({
    action: undefined,
    q: undefined,
    visits: 0,
    source: 'none',
    explored: false,
  })
})

test('an unknown agent type is refused', async () => {
  const error = await failure(learning.choose('nobody', 's'))
  expect(error).toMatchObject({ code: 'AGENT_TYPE_UNKNOWN', field: 'requests[0].agentType' })
})
