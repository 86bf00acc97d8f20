import { v7 as uuidv7 } from 'uuid'
import { beforeEach, expect, test, vi } from 'vitest'
import { onEngines } from '../setup/index.js'
import { newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('a new tenant has the 18 default types, with their dimensions and the default rates', async () => {
  const types = await tenant.learning.agentTypes.list()
  expect(types.map((type) => type.agentType)).toEqual(types.map((type) => type.agentType).toSorted())
  expect(
    Object.fromEntries(types.map((type) => [type.agentType, `${type.stateDimensions}/${type.actionDimensions}`])),
  ).toEqual({
    'test-generator': '15/8',
    'test-executor': '10/6',
    'coverage-analyzer': '12/5',
    'quality-gate': '10/4',
    'quality-analyzer': '12/6',
    'performance-tester': '14/7',
    'security-scanner': '16/8',
    'requirements-validator': '10/5',
    'production-intelligence': '12/6',
    'fleet-commander': '20/10',
    'deployment-readiness': '11/5',
    'regression-risk-analyzer': '13/7',
    'test-data-architect': '12/6',
    'api-contract-validator': '14/7',
    'flaky-test-hunter': '11/6',
    'visual-tester': '13/6',
    'chaos-engineer': '15/8',
    'code-complexity': '10/5',
  })
  const rates = { learningRate: 0.1, discountFactor: 0.95, explorationRate: 0.2, minExplorationRate: 0.01 }
  for (const type of types) {
    expect(type).toMatchObject({ ...rates, explorationDecay: 0.995, retentionDays: 30, isActive: true, metadata: {} })
  }
})

test('upsert adds a type with the defaults for what is left out', async () => {
  expect(await tenant.learning.agentTypes.upsert({ agentType: 'mine', category: 'own', learningRate: 0.5 })).toEqual({
    agentType: 'mine',
    displayName: 'mine',
    category: 'own',
    description: '',
    stateDimensions: 10,
    actionDimensions: 5,
    learningRate: 0.5,
    discountFactor: 0.95,
    explorationRate: 0.2,
    minExplorationRate: 0.01,
    explorationDecay: 0.995,
    retentionDays: 30,
    isActive: true,
    metadata: {},
  })
  expect(await tenant.learning.agentTypes.list()).toHaveLength(19)
})

test('upsert changes what is given and keeps the rest', async () => {
  const [before] = (await tenant.learning.agentTypes.list()).filter((type) => type.agentType === agentType)
  const change = { discountFactor: 0, isActive: false, metadata: { team: 'a' }, description: '' }
  expect(await tenant.learning.agentTypes.upsert({ agentType, ...change })).toEqual({ ...before, ...change })
  expect(await tenant.learning.agentTypes.upsert({ agentType, metadata: {} })).toEqual({
    ...before,
    ...change,
    metadata: {},
  })
})

test('a low exploration rate lowers the default least rate of a new type', async () => {
  const type = await tenant.learning.agentTypes.upsert({ agentType: 'mine', explorationRate: 0.001 })
  expect(type).toMatchObject({ explorationRate: 0.001, minExplorationRate: 0.001 })
})

test('a change in one tenant is none in another', async () => {
  const other = await newTenant(fleet())
  await tenant.learning.agentTypes.upsert({ agentType, learningRate: 0.9 })
  await tenant.learning.agentTypes.remove('test-executor')
  const types = await other.learning.agentTypes.list()
  expect(types).toHaveLength(18)
  expect(types.find((type) => type.agentType === agentType)?.learningRate).toBe(0.1)
})

test('remove takes all that belongs to the type, and nothing else', async () => {
  for (const type of [agentType, 'test-executor']) {
    await tenant.learning.learn({ agentType: type, state: 's', action: 'a', reward: 1 })
    await tenant.learning.patterns.remember({ agentType: type, name: 'n', type: 't', data: 1 })
    await tenant.learning.agents.report({ agentType: type, instanceId: 'i' })
    await tenant.learning.sessions.start({ agentType: type })
    await tenant.learning.snapshots.create(type, 'l')
  }
  expect(await tenant.learning.agentTypes.remove(agentType)).toBe(true)
  for (const table of ['q_values', 'patterns', 'agent_states', 'sessions', 'policy_snapshots']) {
    const rows = await sql(fleet(), `select agent_type from learning.${table} where tenant_id = $1`, [tenant.id])
    expect({ table, rows }).toEqual({ table, rows: [{ agent_type: 'test-executor' }] })
  }
  const values = await sql(fleet(), 'select from learning.policy_snapshot_values where tenant_id = $1', [tenant.id])
  expect(values).toHaveLength(1)
  expect(await tenant.learning.agentTypes.remove(agentType)).toBe(false)
})

test('a type that was removed is refused everywhere, and may be added again', async () => {
  await tenant.learning.learn({ agentType, state: 's', action: 'a', reward: 1 })
  await tenant.learning.agentTypes.remove(agentType)
  const experience = { agentType, state: 's', action: 'a', reward: 1, id: uuidv7() }
  await expect(tenant.learning.learn(experience)).rejects.toMatchObject({ code: 'AGENT_TYPE_UNKNOWN' })
  await tenant.learning.agentTypes.upsert({ agentType })
  expect(await tenant.learning.learn(experience)).toMatchObject({ visits: 1, replayed: false })
})

test('removing a type under load ends without a deadlock that anyone sees', async () => {
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let i = 0; i < 20; i++) {
      const batch = Array.from({ length: 20 }, (_, n) => ({
        agentType,
        state: `s${(n * 7 + i + writer) % 40}`,
        action: 'a',
        reward: 1,
      }))
      await tenant
        .transaction((tx) => tx.learning.learn(batch))
        .catch((error: { code: string }) => {
          expect(error.code).toBe('AGENT_TYPE_UNKNOWN')
        })
    }
  })
  const remover = (async () => {
    for (let i = 0; i < 5; i++) {
      await tenant.learning.agentTypes.remove(agentType)
      await tenant.learning.agentTypes.upsert({ agentType })
    }
  })()
  await Promise.all([...writers, remover])
})

onEngines(['direct', 'pooled'], 'the embedded database has one connection')(
  'a batch that waits keeps the types that it has found from being removed',
  async () => {
    const held = { agentType: 'test-executor', state: 'held', action: 'a', reward: 1 }
    await tenant.learning.learn([held])
    const blocked = async (count: number) =>
      await vi.waitFor(
        async () =>
          expect(
            await sql(
              fleet(),
              `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
            ),
          ).toHaveLength(count),
        { timeout: 20_000 },
      )
    const { learned, removed, hasRemoved } = await tenant.transaction(async (tx) => {
      await tx.learning.learn([held])
      // Twice the same key: in rounds, which know the types, and wait for the key.
      const learned = tenant.learning.learn([held, held, { ...held, agentType }])
      await blocked(1)
      const removed = tenant.learning.agentTypes.remove(agentType)
      const hasRemoved = await Promise.race([removed, blocked(2).then(() => undefined)])
      return { learned, removed, hasRemoved }
    })
    expect(hasRemoved).toBeUndefined()
    expect(await learned).toHaveLength(3)
    expect(await removed).toBe(true)
  },
)
