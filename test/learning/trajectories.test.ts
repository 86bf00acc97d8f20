import fc from 'fast-check'
import type { Trajectory } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { beforeEach, expect, test } from 'vitest'
import { contentHash, discountedReturn, isClose } from './reference.js'
import { dayOffset, dropPartitions, failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const trajectory = (more: Partial<Trajectory> = {}): Trajectory => ({
  id: uuidv7(),
  agentType,
  initialState: 'start',
  rewards: [1, 2, 4],
  executionMs: 12.5,
  succeeded: true,
  startedAt: new Date('2026-01-02T03:04:05.678Z'),
  completedAt: new Date('2026-01-02T03:04:06Z'),
  ...more,
})

const count = async (table: 'trajectories' | 'rewards') =>
  (await sql(fleet(), `select from learning.${table} where tenant_id = $1`, [tenant.id])).length

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('total and discounted return, worked out by hand', async () => {
  await tenant.learning.agentTypes.upsert({ agentType, discountFactor: 0.5 })
  expect(await tenant.learning.recordTrajectories([trajectory()])).toEqual([
    { totalReward: 7, discountedReturn: 1 + 2 * 0.5 + 4 * 0.25, replayed: false },
  ])
})

test('total and discounted return are those of the reference', async () => {
  const { learning } = tenant
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(
          fc.integer({ min: -1000, max: 1000 }).map((n) => n / 8),
          { maxLength: 60 },
        ),
        { minLength: 1, maxLength: 8 },
      ),
      fc.constantFrom(0, 1, 0.95, 0.5, 0.123),
      async (all, discountFactor) => {
        await learning.agentTypes.upsert({ agentType, discountFactor })
        const recorded = await learning.recordTrajectories(all.map((rewards) => trajectory({ rewards })))
        for (const [i, rewards] of all.entries()) {
          expect(recorded[i]?.totalReward).toBe(rewards.reduce((sum, one) => sum + one, 0))
          expect(
            Math.abs((recorded[i]?.discountedReturn ?? Number.NaN) - discountedReturn(rewards, discountFactor)),
          ).toBeLessThan(1e-9)
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('a return over 10,000 steps does not underflow', async () => {
  await tenant.learning.agentTypes.upsert({ agentType, discountFactor: 0.9 })
  const [recorded] = await tenant.learning.recordTrajectories([trajectory({ rewards: Array(10_000).fill(1) })])
  expect(isClose(recorded?.discountedReturn ?? Number.NaN, 10)).toBe(true)
})

test('no steps give a return of 0', async () => {
  expect(await tenant.learning.recordTrajectories([trajectory({ rewards: [] })])).toEqual([
    { totalReward: 0, discountedReturn: 0, replayed: false },
  ])
})

test('everything given is kept', async () => {
  const patternIds = [uuidv7(), uuidv7()]
  const given = trajectory({
    initialState: { a: [1] },
    finalState: null,
    states: ['x', { y: 'ünï' }],
    actions: [1, [2]],
    taskId: 'task',
    errorMessage: 'no',
    succeeded: false,
    patternIds,
    priority: 2.5,
    metadata: { a: { b: '"' } },
  })
  await tenant.learning.recordTrajectories([given])
  const [row] = await sql<Record<string, unknown>>(
    fleet(),
    'select * from learning.trajectories where tenant_id = $1',
    [tenant.id],
  )
  expect(row).toMatchObject({
    trajectory_id: given.id,
    agent_type: agentType,
    initial_state: { a: [1] },
    final_state: null,
    states: given.states,
    actions: given.actions,
    step_count: 3,
    task_id: 'task',
    error_message: 'no',
    succeeded: false,
    pattern_ids: patternIds,
    priority: 2.5,
    execution_ms: 12.5,
    started_at: given.startedAt,
    completed_at: given.completedAt,
    metadata: given.metadata,
  })
})

test('rewards are kept by step, with what they say of themselves', async () => {
  const rewards = [
    1,
    { reward: -2.5, type: 'delayed' as const, source: 'review' },
    { reward: 3, type: 'terminal' as const, state: { s: 1 }, action: 'a' },
  ]
  const [recorded] = await tenant.learning.recordTrajectories([trajectory({ rewards })])
  expect(recorded?.totalReward).toBe(1.5)
  const rows = await sql(
    fleet(),
    'select step, reward, reward_type, reward_source, state_hash, action_hash from learning.rewards where tenant_id = $1 order by step',
    [tenant.id],
  )
  const none = { reward_source: null, state_hash: null, action_hash: null }
  expect(rows).toEqual([
    { step: 0, reward: 1, reward_type: 'immediate', ...none },
    { step: 1, reward: -2.5, reward_type: 'delayed', ...none, reward_source: 'review' },
    {
      step: 2,
      reward: 3,
      reward_type: 'terminal',
      ...none,
      state_hash: contentHash({ s: 1 }),
      action_hash: contentHash('a'),
    },
  ])
})

test('recording again keeps the first and says so', async () => {
  const given = trajectory()
  await tenant.learning.recordTrajectories([given])
  const [again, other] = await tenant.learning.recordTrajectories([given, trajectory()])
  expect([again?.replayed, other?.replayed]).toEqual([true, false])
  expect([await count('trajectories'), await count('rewards')]).toEqual([2, 6])
})

test('an id twice in one call is recorded once', async () => {
  const given = trajectory()
  const recorded = await tenant.learning.recordTrajectories([given, given, trajectory(), given])
  expect(recorded.map(({ replayed }) => replayed)).toEqual([false, true, false, true])
  expect([await count('trajectories'), await count('rewards')]).toEqual([2, 6])
})

test('an id twice in one call with different content: the first is kept, whole', async () => {
  const given = trajectory()
  await tenant.learning.recordTrajectories([given, { ...given, rewards: [100] }])
  expect(await tenant.learning.sampleTrajectories(agentType)).toMatchObject([{ totalReward: 7, rewards: [1, 2, 4] }])
})

test('concurrent calls with the same ids record each once', async () => {
  const all = Array.from({ length: 40 }, () => trajectory())
  const results = await Promise.all(
    Array.from({ length: 6 }, (_, i) => tenant.learning.recordTrajectories(i % 2 ? all : all.toReversed())),
  )
  expect(results.flat().filter(({ replayed }) => !replayed)).toHaveLength(40)
  expect([await count('trajectories'), await count('rewards')]).toEqual([40, 120])
})

test('the session counts its trajectories and their reward, a retry not', async () => {
  const sessionId = await tenant.learning.sessions.start({ agentType })
  const given = trajectory({ sessionId })
  await tenant.learning.recordTrajectories([given, trajectory({ sessionId, rewards: [-2] }), trajectory()])
  await tenant.learning.recordTrajectories([given])
  expect(await tenant.learning.sessions.get(sessionId)).toMatchObject({ taskCount: 2, totalReward: 5 })
})

test('sessions count exactly under 18 concurrent writers', async () => {
  const ids = await Promise.all([1, 2, 3].map(() => tenant.learning.sessions.start({ agentType })))
  await Promise.all(
    Array.from({ length: 18 }, async (_, writer) => {
      for (let i = 0; i < 10; i++) {
        const of = (n: number) => trajectory({ sessionId: ids[(writer + n) % 3] as string, rewards: [1] })
        await tenant.learning.recordTrajectories([of(i), of(i + 1)])
      }
    }),
  )
  const sessions = await Promise.all(ids.map((id) => tenant.learning.sessions.get(id)))
  expect(sessions.map((one) => one?.taskCount)).toEqual([120, 120, 120])
  expect(sessions.map((one) => one?.totalReward)).toEqual([120, 120, 120])
})

test('an unknown session is refused, and nothing of the call is written', async () => {
  const error = await failure(tenant.learning.recordTrajectories([trajectory(), trajectory({ sessionId: uuidv7() })]))
  expect(error.code).toBe('SESSION_UNKNOWN')
  expect(await count('trajectories')).toBe(0)
})

test("another tenant's session is unknown", async () => {
  const other = await newTenant(fleet())
  const sessionId = await other.learning.sessions.start({ agentType })
  expect((await failure(tenant.learning.recordTrajectories([trajectory({ sessionId })]))).code).toBe('SESSION_UNKNOWN')
})

test('an expired session is gone: it takes no trajectory', async () => {
  const sessionId = await tenant.learning.sessions.start({ agentType })
  await sql(fleet(), `update learning.sessions set expires_at = now() where session_id = $1`, [sessionId])
  expect((await failure(tenant.learning.recordTrajectories([trajectory({ sessionId })]))).code).toBe('SESSION_UNKNOWN')
})

test.each([
  ['101 days old', -101],
  ['32 days ahead', 32],
])('an id %s lies outside the window', async (_, days) => {
  const given = trajectory({ id: uuidv7({ msecs: dayOffset(days) }) })
  const error = await failure(tenant.learning.recordTrajectories([trajectory(), given]))
  expect(error.code).toBe('ID_OUT_OF_WINDOW')
  expect(error.field).toMatch(/^trajectories\[1\]/)
  expect(await count('trajectories')).toBe(0)
})

test('one call takes ids of every month of the window, each into its partition', async () => {
  await dropPartitions(fleet(), 'trajectories')
  await dropPartitions(fleet(), 'rewards')
  const days = [-99, -66, -33, 0, 30]
  const given = days.map((day) => trajectory({ id: uuidv7({ msecs: dayOffset(day) }) }))
  const recorded = await tenant.learning.recordTrajectories(given)
  expect(recorded).toHaveLength(days.length)
  const rows = await sql<{ id: string; place: string }>(
    fleet(),
    'select trajectory_id as id, tableoid::regclass::text as place from learning.trajectories where tenant_id = $1',
    [tenant.id],
  )
  for (const { id, place } of rows) {
    const month = new Date(dayOffset(days[given.findIndex((one) => one.id === id)] ?? 0)).toISOString()
    expect(place).toBe(`learning.trajectories_p${month.slice(0, 4)}${month.slice(5, 7)}`)
  }
})
