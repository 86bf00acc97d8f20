import { v7 as uuidv7 } from 'uuid'
import { beforeEach, describe, expect, test } from 'vitest'
import { chiSquare } from './chi-square.js'
import { isClose } from './reference.js'
import { failure, newTenant, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let learning: Awaited<ReturnType<typeof newTenant>>['learning']
let ids: string[]

/** Records so many, oldest first, with the priorities 1, 2, 3 ... */
async function record(many: number): Promise<string[]> {
  const made = Array.from({ length: many }, (_, i) => uuidv7({ msecs: Date.now() - 100_000 + i * 10 }))
  for (let first = 0; first < many; first += 500) {
    await learning.recordTrajectories(
      made.slice(first, first + 500).map((id, i) => ({
        id,
        agentType,
        initialState: first + i,
        rewards: [first + i, 1],
        executionMs: 1,
        succeeded: true,
        startedAt: new Date(),
        completedAt: new Date(),
        priority: first + i + 1,
      })),
    )
  }
  return made
}

/** How often each trajectory is the only one drawn, over so many seeds. */
async function frequencies(options: object, seeds: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const queue = Array.from({ length: seeds }, (_, seed) => seed)
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let seed = queue.pop(); seed !== undefined; seed = queue.pop()) {
        const [one] = await learning.sampleTrajectories(agentType, { size: 1, seed, ...options })
        const place = String(ids.indexOf(one?.id ?? ''))
        counts[place] = (counts[place] ?? 0) + 1
      }
    }),
  )
  return counts
}

beforeEach(async () => {
  learning = (await newTenant(fleet())).learning
})

describe('of six trajectories', () => {
  beforeEach(async () => {
    ids = await record(6)
  })

  test('uniform sampling draws each alike', async () => {
    const counts = await frequencies({}, 1200)
    expect(chiSquare(counts, Object.fromEntries(ids.map((_, i) => [i, 1])))).toBeLessThan(chiSquare.limit(5))
  })

  test.each([1, 0.6])(
    'prioritised sampling with exponent %d draws in proportion to priority^exponent',
    async (exponent) => {
      const counts = await frequencies({ mode: 'prioritised', exponent }, 1200)
      const weights = Object.fromEntries(ids.map((_, i) => [i, (i + 1) ** exponent]))
      expect(chiSquare(counts, weights)).toBeLessThan(chiSquare.limit(5))
    },
  )

  test('weights undo the bias by the formula, the largest is 1', async () => {
    const [exponent, importance] = [0.7, 0.4]
    const sample = await learning.sampleTrajectories(agentType, {
      size: 4,
      mode: 'prioritised',
      exponent,
      importance,
      seed: 7,
    })
    const total = ids.reduce((sum, _, i) => sum + (i + 1) ** exponent, 0)
    const raw = sample.map(({ priority }) => ((ids.length * priority ** exponent) / total) ** -importance)
    const largest = Math.max(...raw)
    for (const [i, { weight }] of sample.entries()) {
      expect(isClose(weight, (raw[i] ?? Number.NaN) / largest), `${weight}`).toBe(true)
    }
    expect(Math.max(...sample.map(({ weight }) => weight))).toBe(1)
    expect(new Set(sample.map(({ weight }) => weight)).size).toBe(4)
  })

  test('uniform weights are all 1', async () => {
    expect((await learning.sampleTrajectories(agentType)).map(({ weight }) => weight)).toEqual(Array(6).fill(1))
  })

  test('the same seed gives the same sample, others differ', async () => {
    const draw = async (seed: number) =>
      (await learning.sampleTrajectories(agentType, { size: 3, mode: 'prioritised', seed })).map(({ id }) => id).join()
    const first = await Promise.all([1, 2, 3, 4, 5, 6].map(draw))
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(draw))).toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
  })

  test('nothing is drawn twice', async () => {
    const sample = await learning.sampleTrajectories(agentType, { size: 5 })
    expect(new Set(sample.map(({ id }) => id)).size).toBe(5)
  })

  test('a sample larger than what there is gives all there is, whole', async () => {
    const sample = await learning.sampleTrajectories(agentType, { size: 100 })
    expect(sample.map(({ id }) => id)).toEqual(ids)
    expect(sample[3]).toMatchObject({ initialState: 3, rewards: [3, 1], totalReward: 4, priority: 4, replayed: false })
  })

  test('only the newest of the buffer are drawn', async () => {
    const seen = Object.keys(await frequencies({ bufferSize: 2 }, 60))
    expect(seen.sort()).toEqual(['4', '5'])
  })

  test('priorities that were set count', async () => {
    await learning.setPriorities(ids.map((id, i) => ({ id, priority: i === 2 ? 1e9 : 1 })))
    const counts = await frequencies({ mode: 'prioritised', exponent: 1 }, 50)
    expect(counts).toEqual({ 2: 50 })
  })

  test('of a priority given twice the last counts', async () => {
    const id = ids[0] as string
    await learning.setPriorities([
      { id, priority: 5 },
      { id: id.toUpperCase(), priority: 9 },
    ])
    expect((await learning.sampleTrajectories(agentType)).find((one) => one.id === id)?.priority).toBe(9)
  })

  test('priorities of unknown trajectories are named, the others are set', async () => {
    const missing = uuidv7()
    const error = await failure(
      learning.setPriorities([
        { id: missing, priority: 5 },
        { id: ids[1] as string, priority: 7 },
      ]),
    )
    expect(error).toMatchObject({ code: 'TRAJECTORY_UNKNOWN', field: 'priorities', details: { missing: [missing] } })
    expect((await learning.sampleTrajectories(agentType))[1]?.priority).toBe(7)
  })

  test('other agent types and tenants are not drawn from', async () => {
    expect(await learning.sampleTrajectories('test-executor')).toEqual([])
    const other = await newTenant(fleet())
    expect(await other.learning.sampleTrajectories(agentType)).toEqual([])
    expect((await failure(other.learning.setPriorities([{ id: ids[0] as string, priority: 2 }]))).code).toBe(
      'TRAJECTORY_UNKNOWN',
    )
  })
})

test('priorities from very small to very large sample without an error', async () => {
  ids = await record(3)
  await learning.setPriorities([1e-9, 1, 1e9].map((priority, i) => ({ id: ids[i] as string, priority })))
  const sample = await learning.sampleTrajectories(agentType, { mode: 'prioritised', exponent: 1, importance: 1 })
  expect(sample).toHaveLength(3)
})
