import { beforeEach, expect, test } from 'vitest'
import { isClose } from './reference.js'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('a new agent starts with the rates of its type', async () => {
  await tenant.learning.agentTypes.upsert({ agentType, explorationRate: 0.4, learningRate: 0.3 })
  expect(await tenant.learning.agents.report({ agentType, instanceId: 'one' })).toEqual({
    agentType,
    instanceId: 'one',
    status: 'idle',
    totalTasks: 0,
    successfulTasks: 0,
    failedTasks: 0,
    totalReward: 0,
    averageReward: 0,
    successRate: 0,
    explorationRate: 0.4,
    learningRate: 0.3,
    patternsLearned: 0,
  })
})

test('reports add up', async () => {
  const report = { agentType, instanceId: 'one', succeeded: 3, failed: 1, reward: 6, patternsLearned: 2 }
  await tenant.learning.agents.report({ ...report, status: 'learning' })
  expect(await tenant.learning.agents.report(report)).toMatchObject({
    status: 'learning',
    totalTasks: 8,
    successfulTasks: 6,
    failedTasks: 2,
    totalReward: 12,
    averageReward: 1.5,
    successRate: 0.75,
    patternsLearned: 4,
  })
})

test('several reports of one agent in a call add up, and the last status counts', async () => {
  const states = await tenant.learning.agents.report([
    { agentType, instanceId: 'one', succeeded: 1, status: 'active' },
    { agentType, instanceId: 'two', failed: 1, status: 'error' },
    { agentType, instanceId: 'one', succeeded: 2, status: 'paused' },
    { agentType, instanceId: 'one', reward: 3 },
  ])
  const one = { instanceId: 'one', totalTasks: 3, totalReward: 3, status: 'paused' }
  expect(states).toMatchObject([one, { instanceId: 'two', totalTasks: 1, status: 'error' }, one, one])
})

test('18 concurrent writers lose none', async () => {
  await Promise.all(
    Array.from({ length: 18 }, async (_, writer) => {
      for (let i = 0; i < 50; i++) {
        await tenant.learning.agents.report([
          { agentType, instanceId: `i${(writer + i) % 5}`, succeeded: 1, reward: 2 },
          { agentType, instanceId: `i${(writer * i) % 5}`, failed: 1, patternsLearned: 3 },
        ])
      }
    }),
  )
  const states = await tenant.learning.agents.list()
  const sum = (member: 'totalTasks' | 'failedTasks' | 'totalReward' | 'patternsLearned') =>
    states.reduce((total, state) => total + state[member], 0)
  expect(states).toHaveLength(5)
  expect([sum('totalTasks'), sum('failedTasks'), sum('totalReward'), sum('patternsLearned')]).toEqual([
    1800, 900, 1800, 2700,
  ])
})

test('each episode decays the exploration rate', async () => {
  await tenant.learning.agentTypes.upsert({
    agentType,
    explorationRate: 0.8,
    explorationDecay: 0.5,
    minExplorationRate: 0.05,
  })
  const report = (episodes: number) => tenant.learning.agents.report({ agentType, instanceId: 'one', episodes })
  expect((await report(1)).explorationRate).toBeCloseTo(0.4, 12)
  expect((await report(2)).explorationRate).toBeCloseTo(0.1, 12)
  expect((await report(1)).explorationRate).toBe(0.05)
  expect((await report(100)).explorationRate).toBe(0.05)
})

test('decay in several steps is decay in one', async () => {
  const reports = Array.from({ length: 30 }, () => ({ agentType, instanceId: 'many', episodes: 2 }))
  const [many] = await tenant.learning.agents.report(reports)
  const one = await tenant.learning.agents.report({ agentType, instanceId: 'one', episodes: 60 })
  expect(isClose(many?.explorationRate ?? Number.NaN, 0.2 * 0.995 ** 60)).toBe(true)
  expect(isClose(one.explorationRate, 0.2 * 0.995 ** 60)).toBe(true)
})

test('the most episodes that a report takes end at the least rate', async () => {
  const state = await tenant.learning.agents.report({ agentType, instanceId: 'one', episodes: 1_000_000 })
  expect(state.explorationRate).toBe(0.01)
})

test('a rate that is below a new least rate stays, and is not raised', async () => {
  await tenant.learning.agentTypes.upsert({
    agentType,
    explorationRate: 0.2,
    explorationDecay: 0.5,
    minExplorationRate: 0.01,
  })
  await tenant.learning.agents.report({ agentType, instanceId: 'one', episodes: 3 })
  await tenant.learning.agentTypes.upsert({ agentType, minExplorationRate: 0.1 })
  const state = await tenant.learning.agents.report({ agentType, instanceId: 'one', episodes: 1 })
  expect(state.explorationRate).toBeCloseTo(0.025, 12)
})

test('an unknown agent type refuses all of the call', async () => {
  const error = await failure(
    tenant.learning.agents.report([
      { agentType, instanceId: 'one' },
      { agentType: 'nobody', instanceId: 'one' },
    ]),
  )
  expect(error).toMatchObject({ code: 'AGENT_TYPE_UNKNOWN', field: 'reports[1].agentType' })
  expect(await tenant.learning.agents.list()).toEqual([])
})

test('paging gives every agent once', async () => {
  const reports = ['test-executor', 'test-generator', 'chaos-engineer'].flatMap((type) =>
    Array.from({ length: 9 }, (_, i) => ({ agentType: type, instanceId: `agent ${i}` })),
  )
  await tenant.learning.agents.report(reports)
  const seen: string[] = []
  for (let after: { agentType: string; instanceId: string } | undefined; ; ) {
    const page = await tenant.learning.agents.list({ limit: 4, ...(after && { after }) })
    seen.push(...page.map((state) => `${state.agentType} ${state.instanceId}`))
    after = page.at(-1)
    if (after === undefined) break
    after = { agentType: after.agentType, instanceId: after.instanceId }
  }
  expect(new Set(seen).size).toBe(27)
  expect(seen).toHaveLength(27)
  expect(await tenant.learning.agents.list({ agentType: 'test-executor' })).toHaveLength(9)
})

test('an expired agent is not listed, and starts anew', async () => {
  await tenant.learning.agents.report({
    agentType,
    instanceId: 'one',
    succeeded: 5,
    reward: 5,
    episodes: 9,
    status: 'error',
  })
  await sql(fleet(), 'update learning.agent_states set expires_at = now() where tenant_id = $1', [tenant.id])
  expect(await tenant.learning.agents.list()).toEqual([])
  expect(await tenant.learning.agents.report({ agentType, instanceId: 'one', failed: 1 })).toMatchObject({
    status: 'idle',
    totalTasks: 1,
    successfulTasks: 0,
    totalReward: 0,
    explorationRate: 0.2,
  })
})
