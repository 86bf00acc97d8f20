import type { NewPattern } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { beforeEach, describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const pattern = (more: Partial<NewPattern> = {}): NewPattern => ({
  agentType,
  name: 'api_validation',
  type: 'test_template',
  data: { steps: [1] },
  ...more,
})
const rows = () =>
  sql<{
    pattern_id: string
    version: number
    parent_pattern_id: string | null
    pattern_data: unknown
    metadata: unknown
  }>(fleet(), 'select * from learning.patterns where tenant_id = $1 order by version', [tenant.id])
const expirePattern = (id: string) =>
  sql(fleet(), `update learning.patterns set expires_at = now() - interval '1 second' where pattern_id = $1`, [id])

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

describe('remember', () => {
  test('the same again keeps the id and the counters, and takes the new content', async () => {
    const id = await tenant.learning.patterns.remember(pattern())
    await tenant.learning.patterns.recordOutcomes([{ patternId: id, succeeded: true, reward: 4 }])
    expect(await tenant.learning.patterns.remember(pattern({ data: 'new', type: 'rule', category: 'c' }))).toBe(id)
    expect(await tenant.learning.patterns.top(agentType)).toEqual([
      {
        id,
        agentType,
        name: 'api_validation',
        version: 1,
        type: 'rule',
        category: 'c',
        data: 'new',
        usageCount: 1,
        averageReward: 4,
        confidence: 2 / 3,
      },
    ])
  })

  test('many at once answer in their order; of the same pattern twice the last counts', async () => {
    const ids = await tenant.learning.patterns.remember([
      pattern({ name: 'b', data: 1 }),
      pattern({ name: 'a' }),
      pattern({ name: 'b', data: 2 }),
    ])
    expect(ids[0]).toBe(ids[2])
    expect(ids[0]).not.toBe(ids[1])
    expect((await tenant.learning.patterns.top(agentType)).find(({ name }) => name === 'b')?.data).toBe(2)
  })

  test('concurrent calls with the same pattern give one id', async () => {
    const ids = await Promise.all(
      Array.from({ length: 18 }, (_, i) =>
        tenant.learning.patterns.remember([pattern({ data: i }), pattern({ name: 'other' })]),
      ),
    )
    expect(new Set(ids.flat()).size).toBe(2)
    expect(await rows()).toHaveLength(2)
  })

  test('a higher version names the one below as its parent', async () => {
    const first = await tenant.learning.patterns.remember(pattern())
    const third = await tenant.learning.patterns.remember(pattern({ version: 3 }))
    const fourth = await tenant.learning.patterns.remember(pattern({ version: 4 }))
    expect(new Set([first, third, fourth]).size).toBe(3)
    expect((await rows()).map((row) => row.parent_pattern_id)).toEqual([null, first, third])
  })

  test('versions remembered in one call name each other too', async () => {
    const [first, second] = await tenant.learning.patterns.remember([pattern(), pattern({ version: 2 })])
    expect((await rows()).map((row) => row.parent_pattern_id)).toEqual([null, first])
    expect(second).toBeDefined()
  })

  test('the same name of another agent type is another pattern', async () => {
    const ids = await tenant.learning.patterns.remember([pattern(), pattern({ agentType: 'test-executor' })])
    expect(new Set(ids).size).toBe(2)
  })

  test('an unknown agent type refuses all of the call', async () => {
    const error = await failure(tenant.learning.patterns.remember([pattern(), pattern({ agentType: 'nobody' })]))
    expect(error).toMatchObject({ code: 'AGENT_TYPE_UNKNOWN', field: 'patterns[1].agentType' })
    expect(await rows()).toEqual([])
  })

  test('an expired pattern starts anew', async () => {
    const id = await tenant.learning.patterns.remember(pattern())
    await tenant.learning.patterns.recordOutcomes([{ patternId: id, succeeded: true, reward: 4 }])
    await expirePattern(id)
    const again = await tenant.learning.patterns.remember(pattern())
    expect(await tenant.learning.patterns.top(agentType)).toMatchObject([
      { id: again, usageCount: 0, averageReward: 0, confidence: 0.5 },
    ])
    const [row] = await sql<{ last_used_at: Date | null }>(
      fleet(),
      'select last_used_at from learning.patterns where pattern_id = $1',
      [again],
    )
    expect(row?.last_used_at).toBeNull()
  })

  test('content of any JSON comes back', async () => {
    const data = JSON.parse('{"__proto__": {"x": [null, 1.5, "ünï 🙂 \\" \\\\"]}}')
    const metadata = JSON.parse('{"__proto__": 1, "b": [true]}')
    await tenant.learning.patterns.remember(pattern({ data, metadata }))
    const [row] = await rows()
    expect(JSON.stringify(row?.pattern_data)).toBe(JSON.stringify(data))
    expect(row?.metadata).toEqual(metadata)
    expect(Object.keys(row?.metadata as object).sort()).toEqual(['__proto__', 'b'])
  })

  test('nothing to remember is nothing', async () => {
    expect(await tenant.learning.patterns.remember([])).toEqual([])
  })
})

describe('outcomes', () => {
  test('counters, average and confidence by their formulas', async () => {
    const id = await tenant.learning.patterns.remember(pattern())
    const counters = await tenant.learning.patterns.recordOutcomes([
      { patternId: id, succeeded: true, reward: 2 },
      { patternId: id, succeeded: false, reward: -1 },
      { patternId: id, reward: 5 },
      { patternId: id, succeeded: true },
    ])
    // Mean of Beta(1 + 2, 1 + 1); those of unknown success count as used alone.
    const after = { usageCount: 4, successCount: 2, failureCount: 1, averageReward: 1.5, confidence: 0.6 }
    expect(counters).toEqual([after, after, after, after])
  })

  test('18 concurrent writers lose none', async () => {
    const ids = await tenant.learning.patterns.remember([1, 2, 3, 4].map((n) => pattern({ name: `p${n}` })))
    await Promise.all(
      Array.from({ length: 18 }, async (_, writer) => {
        for (let i = 0; i < 25; i++) {
          const at = (n: number) => ids[(writer * i + n) % 4] as string
          await tenant.learning.patterns.recordOutcomes([
            { patternId: at(0), succeeded: i % 5 > 0, reward: 1 },
            { patternId: at(3), succeeded: true, reward: 2 },
            { patternId: at(0) },
          ])
        }
      }),
    )
    const [sum] = await sql(
      fleet(),
      `select sum(usage_count)::integer as used, sum(success_count)::integer as succeeded, sum(failure_count)::integer as failed,
        sum(total_reward) as reward from learning.patterns where tenant_id = $1`,
      [tenant.id],
    )
    expect(sum).toEqual({ used: 1350, succeeded: 450 + 360, failed: 90, reward: 1350 })
  })

  test("an unknown, an expired and another tenant's pattern refuse all of the call", async () => {
    const other = await newTenant(fleet())
    const ids = await tenant.learning.patterns.remember([pattern(), pattern({ name: 'gone' })])
    await expirePattern(ids[1] as string)
    const foreign = await other.learning.patterns.remember(pattern())
    for (const patternId of [uuidv7(), ids[1] as string, foreign]) {
      const error = await failure(
        tenant.learning.patterns.recordOutcomes([{ patternId: ids[0] as string }, { patternId }]),
      )
      expect(error).toMatchObject({ code: 'PATTERN_UNKNOWN', field: 'outcomes[1].patternId' })
    }
    expect(await tenant.learning.patterns.top(agentType)).toMatchObject([{ usageCount: 0 }])
  })
})

describe('top', () => {
  beforeEach(async () => {
    const ids = await tenant.learning.patterns.remember([
      ...['a', 'b', 'c', 'd'].map((name) => pattern({ name, type: name < 'c' ? 'x' : 'y' })),
      pattern({ name: 'e', agentType: 'test-executor' }),
    ])
    for (const [i, reward] of [1, 4, -2, 3].entries()) {
      await tenant.learning.patterns.recordOutcomes(
        Array.from({ length: i + 1 }, () => ({ patternId: ids[i] as string, reward })),
      )
    }
  })

  const names = async (options = {}) => (await tenant.learning.patterns.top(agentType, options)).map(({ name }) => name)

  test('is by average reward', async () => {
    expect(await names()).toEqual(['b', 'd', 'a', 'c'])
  })
  test('filters by reward', async () => {
    expect(await names({ minReward: 3 })).toEqual(['b', 'd'])
  })
  test('filters by usage', async () => {
    expect(await names({ minUsage: 3 })).toEqual(['d', 'c'])
  })
  test('filters by type', async () => {
    expect(await names({ type: 'y' })).toEqual(['d', 'c'])
  })
  test('is limited', async () => {
    expect(await names({ limit: 1 })).toEqual(['b'])
  })
  test('leaves out the expired', async () => {
    await sql(fleet(), `update learning.patterns set expires_at = now() where tenant_id = $1 and pattern_name = 'b'`, [
      tenant.id,
    ])
    expect(await names()).toEqual(['d', 'a', 'c'])
  })
})
