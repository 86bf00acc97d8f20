import type { ConvergenceOptions } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { beforeEach, describe, expect, test } from 'vitest'
import { isClose } from './reference.js'
import { dayOffset, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const learn = (state: string, reward: number, more = {}) =>
  tenant.learning.learn({ agentType, state, action: 'a', reward, learningRate: 1, ...more })
const trajectory = (more: object = {}) => ({
  id: uuidv7(),
  agentType,
  initialState: 's',
  rewards: [1],
  executionMs: 10,
  succeeded: true,
  startedAt: new Date('2026-01-01T00:00:00Z'),
  completedAt: new Date('2026-01-01T00:00:01Z'),
  ...more,
})
const record = (...many: object[]) => tenant.learning.recordTrajectories(many.map(trajectory))

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

describe('convergence', () => {
  const of = async (options: ConvergenceOptions = {}) =>
    (await tenant.learning.reports.convergence({ agentType, ...options }))[0]

  // Errors of 0 at the last update, rewards alike, all succeeded, exploration at 0.04.
  beforeEach(async () => {
    await learn('s', 2)
    await learn('s', 2)
    await record({}, {}, {})
    await tenant.learning.agentTypes.upsert({ agentType, explorationRate: 0.04 })
  })

  test('all four criteria met', async () => {
    expect(await of()).toEqual({
      agentType,
      qValues: 1,
      meanTdError: 0,
      rewardVariance: 0,
      successRate: 1,
      explorationRate: 0.04,
      converged: true,
      unmet: [],
    })
  })

  test('errors too large: their mean, without signs', async () => {
    await learn('t', 0.5)
    await learn('u', -1)
    expect(await of()).toMatchObject({ meanTdError: 0.5, converged: false, unmet: ['tdError'] })
    expect(await of({ tdErrorMax: 0.51 })).toMatchObject({ converged: true })
    expect(await of({ tdErrorMax: 0.5 })).toMatchObject({ converged: false })
  })

  test('values that were not updated within the window do not count', async () => {
    await learn('t', 0.5)
    await sql(
      fleet(),
      `update learning.q_values set updated_at = now() - interval '3 hours' where tenant_id = $1 and state = '"t"'`,
      [tenant.id],
    )
    expect(await of({ hours: 2 })).toMatchObject({ qValues: 2, meanTdError: 0, converged: true })
    expect(await of({ hours: 4 })).toMatchObject({ unmet: ['tdError'] })
  })

  test('rewards too different: the sample variance of the newest', async () => {
    await record({ rewards: [7] })
    expect(await of()).toMatchObject({ rewardVariance: 9, unmet: ['rewardVariance'] })
    expect(await of({ rewardVarianceMax: 9.01 })).toMatchObject({ converged: true })
    await record({}, {})
    expect(await of({ trajectories: 2 })).toMatchObject({ rewardVariance: 0, converged: true })
  })

  test('too few successes', async () => {
    await record({ succeeded: false })
    expect(await of()).toMatchObject({ successRate: 0.75, unmet: ['successRate'] })
    expect(await of({ successRateMin: 0.74 })).toMatchObject({ converged: true })
    expect(await of({ successRateMin: 0.75 })).toMatchObject({ converged: false })
  })

  test("exploring too much: the mean of the running agents, else the type's rate", async () => {
    await tenant.learning.agentTypes.upsert({ agentType, explorationRate: 0.2 })
    expect(await of()).toMatchObject({ explorationRate: 0.2, unmet: ['explorationRate'] })
    await tenant.learning.agents.report({ agentType, instanceId: 'one' })
    await tenant.learning.agentTypes.upsert({ agentType, explorationRate: 0.02 })
    await tenant.learning.agents.report({ agentType, instanceId: 'two' })
    const report = await of({ explorationRateMax: 0.12 })
    expect(isClose(report?.explorationRate ?? Number.NaN, 0.11)).toBe(true)
    expect(report?.converged).toBe(true)
  })

  test('nothing learned is not converged', async () => {
    const [report] = await tenant.learning.reports.convergence({ agentType: 'test-executor' })
    expect(report).toEqual({
      agentType: 'test-executor',
      qValues: 0,
      meanTdError: null,
      rewardVariance: null,
      successRate: null,
      explorationRate: 0.2,
      converged: false,
      unmet: ['tdError', 'rewardVariance', 'successRate', 'explorationRate'],
    })
  })

  test('without a type all are reported', async () => {
    expect(await tenant.learning.reports.convergence()).toHaveLength(18)
  })
})

describe('statistics', () => {
  test('of a new tenant', async () => {
    expect(await tenant.learning.reports.statistics()).toEqual({
      agentTypes: 18,
      sessions: 0,
      activeSessions: 0,
      qValues: 0,
      visits: 0,
      meanQ: null,
      trajectories: 0,
      successRate: null,
      meanReward: null,
      patterns: 0,
      agents: 0,
      snapshots: 0,
    })
  })

  test('count what is live, and the trajectories of the window', async () => {
    await learn('s', 2)
    await learn('s', 2)
    await learn('t', 5)
    await learn('gone', 100)
    await sql(fleet(), `update learning.q_values set expires_at = now() where tenant_id = $1 and state = '"gone"'`, [
      tenant.id,
    ])
    await record({ rewards: [4] }, { succeeded: false }, { rewards: [1000], id: uuidv7({ msecs: dayOffset(-2) }) })
    const session = await tenant.learning.sessions.start({ agentType })
    await tenant.learning.sessions.start({ agentType })
    await tenant.learning.sessions.end(session)
    await tenant.learning.patterns.remember({ agentType, name: 'n', type: 't', data: 1 })
    await tenant.learning.agents.report({ agentType, instanceId: 'i' })
    await tenant.learning.snapshots.create(agentType, 'l')
    expect(await tenant.learning.reports.statistics()).toEqual({
      agentTypes: 18,
      sessions: 2,
      activeSessions: 1,
      qValues: 2,
      visits: 3,
      meanQ: 3.5,
      trajectories: 2,
      successRate: 0.5,
      meanReward: 2.5,
      patterns: 1,
      agents: 1,
      snapshots: 1,
    })
    expect(await tenant.learning.reports.statistics(72)).toMatchObject({ trajectories: 3 })
  })

  test('the mean value of double-q is that of both estimates', async () => {
    await learn('s', 8, { algorithm: 'double-q', draw: 0.9 })
    expect(await tenant.learning.best(agentType, 's')).toMatchObject({ q: 4 })
    expect(await tenant.learning.reports.statistics()).toMatchObject({ meanQ: 4 })
  })
})

describe('summaries', () => {
  const summary = async (type = agentType) =>
    (await tenant.learning.reports.agentPerformance()).find((one) => one.agentType === type)

  test('are empty before the first refresh', async () => {
    await learn('s', 1)
    expect(await tenant.learning.reports.agentPerformance()).toEqual([])
  })

  test('count each source once: 3 sessions, 5 trajectories, 7 patterns, 11 values, 2 agents', async () => {
    for (let i = 0; i < 3; i++) await tenant.learning.sessions.start({ agentType })
    await record(...[1, 2, 3, 4, 5].map((n) => ({ rewards: [n, n], executionMs: n * 10, succeeded: n !== 3 })))
    await tenant.learning.patterns.remember(
      Array.from({ length: 7 }, (_, i) => ({ agentType, name: `p${i}`, type: 't', data: 1 })),
    )
    for (let i = 0; i < 11; i++) for (let n = 0; n <= i % 2; n++) await learn(`s${i}`, 1)
    await tenant.learning.agents.report([
      { agentType, instanceId: 'a', status: 'active' },
      { agentType, instanceId: 'b', status: 'learning' },
      { agentType, instanceId: 'c', status: 'paused' },
    ])
    await learn('s', 1, { agentType: 'test-executor' })
    await tenant.learning.reports.refreshSummaries()
    const found = await summary()
    expect(found).toMatchObject({
      sessions: 3,
      trajectories: 5,
      successes: 4,
      successRate: 0.8,
      averageReward: 6,
      cumulativeReward: 30,
      averageExecutionMs: 30,
      patterns: 7,
      qValues: 11,
      activeInstances: 2,
    })
    expect(isClose(found?.averageVisits ?? Number.NaN, 16 / 11)).toBe(true)
    expect(await summary('test-executor')).toMatchObject({
      sessions: 0,
      trajectories: 0,
      successRate: null,
      qValues: 1,
      patterns: 0,
    })
  })

  test('a refresh follows what changed, and forgets types that were removed', async () => {
    await learn('s', 1)
    await tenant.learning.reports.refreshSummaries()
    await learn('t', 1)
    await tenant.learning.agentTypes.remove('test-executor')
    expect(await summary()).toMatchObject({ qValues: 1 })
    await tenant.learning.reports.refreshSummaries()
    expect(await summary()).toMatchObject({ qValues: 2 })
    expect(await tenant.learning.reports.agentPerformance()).toHaveLength(17)
  })

  test('leave out what has expired', async () => {
    await learn('s', 1)
    await tenant.learning.patterns.remember({ agentType, name: 'n', type: 't', data: 1 })
    await tenant.learning.sessions.start({ agentType })
    for (const table of ['q_values', 'patterns', 'sessions']) {
      await sql(fleet(), `update learning.${table} set expires_at = now() where tenant_id = $1`, [tenant.id])
    }
    await tenant.learning.reports.refreshSummaries()
    expect(await summary()).toMatchObject({ qValues: 0, patterns: 0, sessions: 0 })
  })

  test('pattern_effectiveness counts each trajectory that used a pattern once', async () => {
    const [used, unused] = await tenant.learning.patterns.remember([
      { agentType, name: 'used', type: 't', data: 1 },
      { agentType, name: 'unused', type: 't', data: 1 },
    ])
    await record({ patternIds: [used, used] }, { patternIds: [used, uuidv7()] }, {})
    await tenant.learning.patterns.recordOutcomes([
      { patternId: used as string, succeeded: true, reward: 3 },
      { patternId: used as string, succeeded: false, reward: 1 },
    ])
    await tenant.learning.reports.refreshSummaries()
    const rows = await sql(
      fleet(),
      `select pattern_name, usage_count::integer, success_rate, average_reward, confidence, trajectories_using_pattern::integer as n
      from learning.pattern_effectiveness where tenant_id = $1 order by pattern_name desc`,
      [tenant.id],
    )
    expect(unused).toBeDefined()
    expect(rows).toEqual([
      { pattern_name: 'used', usage_count: 2, success_rate: 0.5, average_reward: 2, confidence: 0.5, n: 2 },
      { pattern_name: 'unused', usage_count: 0, success_rate: null, average_reward: 0, confidence: 0.5, n: 0 },
    ])
  })

  test("another tenant's are not seen", async () => {
    await learn('s', 1)
    await tenant.learning.reports.refreshSummaries()
    const other = await newTenant(fleet())
    expect(await other.learning.reports.agentPerformance()).toEqual([])
    await other.learning.reports.refreshSummaries()
    expect((await other.learning.reports.agentPerformance()).every(({ qValues }) => qValues === 0)).toBe(true)
    expect(await summary()).toMatchObject({ qValues: 1 })
  })
})
