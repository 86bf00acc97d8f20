import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const agentType = 'test-generator'
const experience = ({ name, id }: Sample) => ({ agentType, state: name, action: 'a', reward: 1, id })
const learn = ({ learning }: Place, sample: Sample) => learning.learn(experience(sample))
const values = ({ learning }: Place, { name }: Sample) => learning.values(agentType, name)
const trajectory = ({ id, name }: Sample) => ({
  id,
  agentType,
  initialState: name,
  rewards: [1, 2],
  executionMs: 1,
  succeeded: true,
  startedAt: new Date(0),
  completedAt: new Date(1),
})
const travel = ({ learning }: Place, sample: Sample) => learning.recordTrajectories([trajectory(sample)])
const trajectories = async ({ learning }: Place, { id }: Sample) =>
  (await learning.sampleTrajectories(agentType))
    .filter((one) => one.id === id)
    .map((one) => [one.totalReward, one.priority])
const pattern = ({ name }: Sample) => ({
  agentType,
  name,
  type: 'test_template',
  data: { name },
  triggerConditions: { name },
})
const remember = async ({ learning }: Place, sample: Sample) => {
  sample.made.pattern = await learning.patterns.remember(pattern(sample))
}
const patterns = async ({ learning }: Place, { name }: Sample) =>
  (await learning.patterns.search({ name, threshold: 1 })).map((one) => [one.name, one.data, one.usageCount])
const report = ({ learning }: Place, { name }: Sample) =>
  learning.agents.report({ agentType, instanceId: name, succeeded: 1 })
const agents = async ({ learning }: Place, { name }: Sample) =>
  (await learning.agents.list()).filter((one) => one.instanceId === name)
const start = async ({ learning }: Place, sample: Sample) => {
  sample.made.session = await learning.sessions.start({ agentType, name: sample.name })
}
const sessions = async ({ learning }: Place, { name }: Sample) =>
  (await learning.sessions.list()).filter((one) => one.name === name).map(({ status }) => status)
const addType = ({ learning }: Place, { name }: Sample) =>
  learning.agentTypes.upsert({ agentType: name, retentionDays: 3 })
const types = async ({ learning }: Place, { name }: Sample) =>
  (await learning.agentTypes.list()).filter((one) => one.agentType === name).map(({ retentionDays }) => retentionDays)
const snapshot = async (place: Place, sample: Sample) => {
  await learn(place, sample)
  sample.made.snapshot = (await place.learning.snapshots.create(agentType, sample.name)).id
}
const snapshots = async ({ learning }: Place, { name }: Sample) =>
  (await learning.snapshots.list()).filter(({ label }) => label === name).map(({ qValues }) => qValues)
const performance = async ({ learning }: Place) =>
  (await learning.reports.agentPerformance())
    .filter(({ trajectories }) => trajectories > 0)
    .map((one) => [one.agentType, one.trajectories])

const VALUES: readonly StoreOperation[] = [
  {
    path: 'learning.learn',
    call: ({ learning }, sample, options) => learning.learn(experience(sample), options),
    read: values,
    bad: {
      'experiences[0].reward': ({ learning }, sample) => learning.learn({ ...experience(sample), reward: Number.NaN }),
    },
    refused: {
      AGENT_TYPE_UNKNOWN: ({ learning }, sample) => learning.learn({ ...experience(sample), agentType: 'nobody' }),
      ID_OUT_OF_WINDOW: ({ learning }, sample) =>
        learning.learn({ ...experience(sample), id: uuidv7({ msecs: 1e12 }) }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
    expires: 'learning.q_values',
  },
  {
    path: 'learning.choose',
    arrange: learn,
    call: ({ learning }, { name }, options) => learning.choose(agentType, name, { epsilon: 0, ...options }),
    bad: { 'requests[0].epsilon': ({ learning }, { name }) => learning.choose(agentType, name, { epsilon: 2 }) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.best',
    arrange: learn,
    call: ({ learning }, { name }, options) => learning.best(agentType, name, options),
    bad: { 'lookups[0].agentType': ({ learning }) => learning.best('', 's') },
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.values',
    arrange: learn,
    call: ({ learning }, { name }, options) => learning.values(agentType, name, options),
    bad: { 'lookups[0].state': ({ learning }) => learning.values(agentType, Number.NaN) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.recordTrajectories',
    call: ({ learning }, sample, options) => learning.recordTrajectories([trajectory(sample)], options),
    read: trajectories,
    bad: {
      'trajectories[0].executionMs': ({ learning }, sample) =>
        learning.recordTrajectories([{ ...trajectory(sample), executionMs: -1 }]),
    },
    refused: {
      AGENT_TYPE_UNKNOWN: ({ learning }, sample) =>
        learning.recordTrajectories([{ ...trajectory(sample), agentType: 'nobody' }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.sampleTrajectories',
    arrange: travel,
    call: trajectories,
    bad: { 'options.size': ({ learning }) => learning.sampleTrajectories(agentType, { size: 0 }) },
  },
  {
    path: 'learning.setPriorities',
    arrange: travel,
    call: ({ learning }, { id }) => learning.setPriorities([{ id, priority: 5 }]),
    read: trajectories,
    bad: { 'priorities[0].priority': ({ learning }, { id }) => learning.setPriorities([{ id, priority: 0 }]) },
    refused: { TRAJECTORY_UNKNOWN: ({ learning }) => learning.setPriorities([{ id: uuidv7(), priority: 1 }]) },
    repeat: 'same',
  },
]

const PATTERNS: readonly StoreOperation[] = [
  {
    path: 'learning.patterns.remember',
    call: ({ learning }, sample) => learning.patterns.remember(pattern(sample)),
    read: patterns,
    bad: { 'patterns[0].name': ({ learning }, sample) => learning.patterns.remember({ ...pattern(sample), name: '' }) },
    refused: {
      AGENT_TYPE_UNKNOWN: ({ learning }, sample) =>
        learning.patterns.remember({ ...pattern(sample), agentType: 'nobody' }),
    },
    repeat: 'same',
    expires: 'learning.patterns',
  },
  {
    path: 'learning.patterns.recordOutcomes',
    arrange: remember,
    call: ({ learning }, { made }, options) =>
      learning.patterns.recordOutcomes([{ patternId: made.pattern as string }], options),
    read: patterns,
    bad: { 'outcomes[0].patternId': ({ learning }) => learning.patterns.recordOutcomes([{ patternId: 'x' }]) },
    refused: { PATTERN_UNKNOWN: ({ learning }, { id }) => learning.patterns.recordOutcomes([{ patternId: id }]) },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.patterns.search',
    arrange: remember,
    call: async ({ learning }, { name }, options) =>
      (await learning.patterns.search({ name }, options)).map((one) => one.name),
    bad: { 'searches[0].name': ({ learning }) => learning.patterns.search({ name: '' }) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'learning.patterns.top',
    arrange: remember,
    call: async ({ learning }) =>
      (await learning.patterns.top(agentType, { minReward: 0, minUsage: 0 })).map((one) => one.name),
    bad: { agentType: ({ learning }) => learning.patterns.top('') },
  },
  {
    path: 'learning.patterns.match',
    arrange: remember,
    call: async ({ learning }, { name }) => (await learning.patterns.match(agentType, { name })).map((one) => one.name),
    bad: { agentType: ({ learning }) => learning.patterns.match('', {}) },
  },
]

const AGENTS: readonly StoreOperation[] = [
  { path: 'learning.agentTypes.list', arrange: addType, call: types, bad: {} },
  {
    path: 'learning.agentTypes.upsert',
    call: addType,
    read: types,
    bad: {
      'agentType.retentionDays': ({ learning }, { name }) =>
        learning.agentTypes.upsert({ agentType: name, retentionDays: 0 }),
    },
    repeat: 'same',
  },
  {
    path: 'learning.agentTypes.remove',
    arrange: addType,
    call: ({ learning }, { name }) => learning.agentTypes.remove(name),
    read: types,
    bad: { agentType: ({ learning }) => learning.agentTypes.remove('') },
    repeat: 'same',
  },
  {
    path: 'learning.agents.report',
    call: ({ learning }, { name }, options) =>
      learning.agents.report({ agentType, instanceId: name, succeeded: 1 }, options),
    read: agents,
    bad: {
      'reports[0].failed': ({ learning }, { name }) =>
        learning.agents.report({ agentType, instanceId: name, failed: -1 }),
    },
    refused: {
      AGENT_TYPE_UNKNOWN: ({ learning }, { name }) => learning.agents.report({ agentType: 'nobody', instanceId: name }),
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
    expires: 'learning.agent_states',
  },
  {
    path: 'learning.agents.list',
    arrange: report,
    call: agents,
    bad: { 'options.limit': ({ learning }) => learning.agents.list({ limit: 0 }) },
  },
  {
    path: 'learning.sessions.start',
    call: start,
    read: sessions,
    bad: {
      'session.environment': ({ learning }) => learning.sessions.start({ agentType, environment: 'moon' as never }),
    },
    refused: { AGENT_TYPE_UNKNOWN: ({ learning }) => learning.sessions.start({ agentType: 'nobody' }) },
    repeat: 'counts',
    expires: 'learning.sessions',
  },
  {
    path: 'learning.sessions.end',
    arrange: start,
    call: ({ learning }, { made }) => learning.sessions.end(made.session as string),
    read: sessions,
    bad: { status: ({ learning }, { id }) => learning.sessions.end(id, 'active' as never) },
    refused: { SESSION_UNKNOWN: ({ learning }, { id }) => learning.sessions.end(id) },
    repeat: 'SESSION_ENDED',
  },
  {
    path: 'learning.sessions.get',
    arrange: start,
    call: async ({ learning }, { made, id }) => (await learning.sessions.get(made.session ?? id))?.name,
    bad: { id: ({ learning }) => learning.sessions.get('x') },
  },
  {
    path: 'learning.sessions.list',
    arrange: start,
    call: sessions,
    bad: { 'options.status': ({ learning }) => learning.sessions.list({ status: 'x' as never }) },
  },
]

const REPORTS: readonly StoreOperation[] = [
  {
    path: 'learning.snapshots.create',
    arrange: learn,
    call: ({ learning }, { name }) => learning.snapshots.create(agentType, name),
    read: snapshots,
    bad: { label: ({ learning }) => learning.snapshots.create(agentType, '') },
    refused: { AGENT_TYPE_UNKNOWN: ({ learning }) => learning.snapshots.create('nobody', 'x') },
    repeat: 'counts',
  },
  {
    path: 'learning.snapshots.list',
    arrange: snapshot,
    call: snapshots,
    bad: { agentType: ({ learning }) => learning.snapshots.list('\0') },
  },
  {
    path: 'learning.snapshots.rollback',
    arrange: async (place, sample) => {
      await snapshot(place, sample)
      await learn(place, { ...sample, id: uuidv7() })
    },
    call: ({ learning }, { made }) => learning.snapshots.rollback(made.snapshot as string),
    read: values,
    bad: { id: ({ learning }) => learning.snapshots.rollback('x') },
    refused: { SNAPSHOT_UNKNOWN: ({ learning }, { id }) => learning.snapshots.rollback(id) },
    repeat: 'same',
  },
  {
    path: 'learning.snapshots.remove',
    arrange: snapshot,
    call: ({ learning }, { made }) => learning.snapshots.remove(made.snapshot as string),
    read: snapshots,
    bad: { id: ({ learning }) => learning.snapshots.remove('x') },
    repeat: 'same',
  },
  {
    path: 'learning.reports.convergence',
    arrange: learn,
    call: async ({ learning }) => (await learning.reports.convergence({ agentType })).map((one) => one.qValues),
    bad: { 'options.hours': ({ learning }) => learning.reports.convergence({ hours: 0 }) },
  },
  {
    path: 'learning.reports.statistics',
    arrange: learn,
    call: async ({ learning }) => (await learning.reports.statistics()).qValues,
    bad: { hours: ({ learning }) => learning.reports.statistics(0) },
  },
  {
    path: 'learning.reports.refreshSummaries',
    arrange: travel,
    call: ({ learning }) => learning.reports.refreshSummaries(),
    read: performance,
    bad: {},
    repeat: 'same',
  },
  {
    path: 'learning.reports.agentPerformance',
    arrange: async (place, sample) => {
      await travel(place, sample)
      await place.learning.reports.refreshSummaries()
    },
    call: performance,
    bad: {},
  },
  {
    path: 'learning.reports.cleanup',
    arrange: async (place, sample) => {
      await learn(place, sample)
      await place.sql('update learning.q_values set expires_at = now() where tenant_id = $1', [place.tenant])
    },
    call: ({ learning }, _, options) => learning.reports.cleanup(options),
    read: ({ sql, tenant }) => sql('select state from learning.q_values where tenant_id = $1', [tenant]),
    bad: { rowsMax: ({ learning }) => learning.reports.cleanup({ rowsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
]

/** The learning store. */
export const LEARNING: readonly StoreOperation[] = [...VALUES, ...PATTERNS, ...AGENTS, ...REPORTS]
