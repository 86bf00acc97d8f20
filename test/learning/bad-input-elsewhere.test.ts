import type { Json, LearningStore } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { beforeAll, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let learning: LearningStore
let tenantId: string

beforeAll(async () => {
  const tenant = await newTenant(fleet())
  learning = tenant.learning
  tenantId = tenant.id
})

const cycle: { self?: unknown } = {}
cycle.self = cycle
const deep = () => {
  let value: Json = 1
  for (let i = 0; i < 10_000; i++) value = { a: value }
  return value
}
const trajectory = (more: object) => [
  {
    id: uuidv7(),
    agentType,
    initialState: 's',
    rewards: [1],
    executionMs: 1,
    succeeded: true,
    startedAt: new Date(),
    completedAt: new Date(Date.now() + 1),
    ...more,
  },
]
const pattern = (more: object) => ({ agentType, name: 'n', type: 't', data: 1, ...more })

type Call = (store: LearningStore) => Promise<unknown>
/** The start of the field that the error must name, a description, and the call. */
const CALLS: [string, string, Call][] = [
  ['lookups[0].state', 'best of NaN', (l) => l.best(agentType, Number.NaN)],
  ['lookups[0].state', 'best of undefined', (l) => l.best(agentType, undefined as never)],
  ['lookups[0].agentType', 'best of no agent type', (l) => l.best('', 's')],
  ['lookups[0].agentType', 'best of an agent type with NUL', (l) => l.best('a\0', 's')],
  ['lookups', 'best of null', (l) => l.best(null as never)],
  [
    'lookups[1].extra',
    'an unknown member',
    (l) => l.values([{ agentType, state: 1 }, { agentType, state: 1, extra: 1 } as never]),
  ],
  ['requests[0].actions[1]', 'choose of a cycle', (l) => l.choose(agentType, 's', { actions: ['a', cycle as never] })],
  ['requests[0].actions', 'choose of no actions', (l) => l.choose(agentType, 's', { actions: [] })],
  ['requests[0].epsilon', 'choose with epsilon NaN', (l) => l.choose(agentType, 's', { epsilon: Number.NaN })],
  ['requests[0].temperature', 'choose with temperature 0', (l) => l.choose(agentType, 's', { temperature: 0 })],
  ['requests[0].seed', 'choose with a fraction as seed', (l) => l.choose(agentType, 's', { seed: 0.5 })],
  [
    'requests[0].strategy',
    'choose by another strategy',
    (l) => l.choose(agentType, 's', { strategy: 'best' as never }),
  ],
  ['trajectories[0].rewards[0]', 'a reward of NaN', (l) => l.recordTrajectories(trajectory({ rewards: [Number.NaN] }))],
  [
    'trajectories[0].rewards[0]',
    'an unknown reward type',
    (l) => l.recordTrajectories(trajectory({ rewards: [{ reward: 1, type: 'late' }] })),
  ],
  ['trajectories[0]', 'a cyclic state', (l) => l.recordTrajectories(trajectory({ states: [cycle] }))],
  ['trajectories[0]', 'a NUL in the error message', (l) => l.recordTrajectories(trajectory({ errorMessage: 'a\0' }))],
  ['trajectories[0]', 'no initial state', (l) => l.recordTrajectories(trajectory({ initialState: undefined }))],
  ['trajectories[0]', 'a BigInt in the metadata', (l) => l.recordTrajectories(trajectory({ metadata: { a: 1n } }))],
  ['trajectories[0]', '10,000 levels of state', (l) => l.recordTrajectories(trajectory({ initialState: deep() }))],
  [
    'trajectories[0].completedAt',
    'times reversed',
    (l) => l.recordTrajectories(trajectory({ completedAt: new Date(0) })),
  ],
  [
    'trajectories[0].startedAt',
    'an invalid date',
    (l) => l.recordTrajectories(trajectory({ startedAt: new Date(Number.NaN) })),
  ],
  [
    'trajectories[0].completedAt',
    'a date that the database cannot hold',
    (l) => l.recordTrajectories(trajectory({ completedAt: new Date(8.64e15) })),
  ],
  ['trajectories[0].executionMs', 'a time below 0', (l) => l.recordTrajectories(trajectory({ executionMs: -1 }))],
  ['trajectories[0].priority', 'a priority of 0', (l) => l.recordTrajectories(trajectory({ priority: 0 }))],
  [
    'trajectories[0].id',
    'an id that is no UUIDv7',
    (l) => l.recordTrajectories(trajectory({ id: crypto.randomUUID() })),
  ],
  [
    'trajectories[0].agentType',
    'an unknown agent type',
    (l) => l.recordTrajectories(trajectory({ agentType: 'nobody' })),
  ],
  ['trajectories[0].sessionId', 'an unknown session', (l) => l.recordTrajectories(trajectory({ sessionId: uuidv7() }))],
  ['options.size', 'a sample of 0', (l) => l.sampleTrajectories(agentType, { size: 0 })],
  ['options.exponent', 'an exponent above 1', (l) => l.sampleTrajectories(agentType, { exponent: 2 })],
  ['agentType', 'a sample of a type with NUL', (l) => l.sampleTrajectories('a\0')],
  [
    'priorities[0].priority',
    'a priority of Infinity',
    (l) => l.setPriorities([{ id: uuidv7(), priority: Number.POSITIVE_INFINITY }]),
  ],
  ['patterns[0].data', 'data of NaN', (l) => l.patterns.remember(pattern({ data: Number.NaN }))],
  ['patterns[0].name', 'a name with NUL', (l) => l.patterns.remember(pattern({ name: 'a\0' }))],
  ['patterns[0].name', 'half of a surrogate pair in a name', (l) => l.patterns.remember(pattern({ name: 'a\ud800' }))],
  ['patterns[0].type', 'a type with NUL', (l) => l.patterns.remember(pattern({ type: 'a\0' }))],
  ['patterns[0].category', 'a category with NUL', (l) => l.patterns.remember(pattern({ category: 'a\0' }))],
  [
    'patterns[0].triggerConditions',
    'a condition with NUL',
    (l) => l.patterns.remember(pattern({ triggerConditions: { a: 'b\0' } })),
  ],
  [
    'patterns[0].triggerConditions',
    '10,000 levels of condition',
    (l) => l.patterns.remember(pattern({ triggerConditions: { a: deep() } })),
  ],
  [
    'patterns[0].triggerConditions',
    'a cyclic condition',
    (l) => l.patterns.remember(pattern({ triggerConditions: { a: cycle } })),
  ],
  ['patterns[0].metadata', 'a cycle in the metadata', (l) => l.patterns.remember(pattern({ metadata: { cycle } }))],
  ['patterns[0].agentType', 'an unknown agent type', (l) => l.patterns.remember(pattern({ agentType: 'nobody' }))],
  ['searches[0].name', 'a search for half of a surrogate pair', (l) => l.patterns.search({ name: '\ud800' })],
  ['searches[0].threshold', 'a threshold below 0.3', (l) => l.patterns.search({ name: 'a', threshold: 0.2 })],
  ['outcomes[0].patternId', 'an unknown pattern', (l) => l.patterns.recordOutcomes([{ patternId: uuidv7() }])],
  [
    'outcomes[0].reward',
    'an outcome of NaN',
    (l) => l.patterns.recordOutcomes([{ patternId: uuidv7(), reward: Number.NaN }]),
  ],
  ['context', 'a context with NUL', (l) => l.patterns.match(agentType, { a: '\0' })],
  ['context', 'no context', (l) => l.patterns.match(agentType, null as never)],
  ['context', 'an array as context', (l) => l.patterns.match(agentType, [] as never)],
  ['options.limit', 'a limit of 0', (l) => l.patterns.top(agentType, { limit: 0 })],
  ['reports[0].succeeded', 'a count below 0', (l) => l.agents.report({ agentType, instanceId: 'i', succeeded: -1 })],
  ['reports[0].instanceId', 'an instance with NUL', (l) => l.agents.report({ agentType, instanceId: '\0' })],
  [
    'reports[0].instanceId',
    'half of a surrogate pair as instance',
    (l) => l.agents.report({ agentType, instanceId: '\ud800' }),
  ],
  ['reports[0].agentType', 'an unknown agent type', (l) => l.agents.report({ agentType: 'nobody', instanceId: 'i' })],
  ['session.metadata', 'a BigInt in the metadata', (l) => l.sessions.start({ agentType, metadata: { a: 1n } })],
  ['session.metadata', 'a cycle in the metadata', (l) => l.sessions.start({ agentType, metadata: { cycle } })],
  ['session.metadata', 'a NUL in the metadata', (l) => l.sessions.start({ agentType, metadata: { a: '\0' } })],
  ['session.name', 'a NUL in the name', (l) => l.sessions.start({ agentType, name: '\0' })],
  ['session.agentType', 'an unknown agent type', (l) => l.sessions.start({ agentType: 'nobody' })],
  ['options.limit', 'a limit above the largest', (l) => l.sessions.list({ limit: 10_001 })],
  ['agentType.learningRate', 'a rate of 0', (l) => l.agentTypes.upsert({ agentType, learningRate: 0 })],
  [
    'agentType.minExplorationRate',
    'a least rate above the rate',
    (l) => l.agentTypes.upsert({ agentType: 'x', explorationRate: 0.1, minExplorationRate: 0.2 }),
  ],
  ['agentType.metadata', 'a BigInt in the metadata', (l) => l.agentTypes.upsert({ agentType, metadata: { a: 1n } })],
  ['agentType.displayName', 'a NUL in the display name', (l) => l.agentTypes.upsert({ agentType, displayName: 'a\0' })],
  ['agentType', 'a NUL in the name of the type', (l) => l.agentTypes.upsert({ agentType: 'a\0' })],
  ['label', 'a label with NUL', (l) => l.snapshots.create(agentType, 'a\0')],
  ['label', 'no label', (l) => l.snapshots.create(agentType, '')],
  ['agentType', 'a snapshot of an unknown agent type', (l) => l.snapshots.create('nobody', 'l')],
  ['id', 'a rollback to no UUID', (l) => l.snapshots.rollback('x')],
  ['rowsMax', 'a cleanup of 0 rows', (l) => l.reports.cleanup({ rowsMax: 0 })],
  ['options.hours', 'convergence over 0 hours', (l) => l.reports.convergence({ hours: 0 })],
]

test.each(CALLS)('%s: %s', async (field, _, call) => {
  const error = await failure((async () => call(learning))())
  expect(['INPUT_INVALID', 'AGENT_TYPE_UNKNOWN', 'SESSION_UNKNOWN', 'PATTERN_UNKNOWN']).toContain(error.code)
  expect(error.field?.startsWith(field), `the field is ${error.field}: ${error.message}`).toBe(true)
})

test('nothing of all that was written', async () => {
  for (const table of [
    'q_values',
    'trajectories',
    'rewards',
    'patterns',
    'sessions',
    'agent_states',
    'policy_snapshots',
  ]) {
    const rows = await sql(fleet(), `select 1 from learning.${table} where tenant_id = $1`, [tenantId])
    expect({ table, rows }).toEqual({ table, rows: [] })
  }
})
