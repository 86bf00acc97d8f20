import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const execution = ({ id, name }: Sample) => ({
  id,
  hookId: name,
  hookType: 'before_tool',
  correlationId: name,
  context: { name },
})
const record = ({ memory }: Place, sample: Sample) => memory.hooks.record(execution(sample))
const transition = ({ name }: Sample) => ({ scope: name, key: 'step', from: 'a', to: 'b' })
const learn = ({ memory }: Place, sample: Sample) =>
  memory.procedures.recordTransition(Array.from({ length: 3 }, () => transition(sample)))
const saveAgent = ({ memory }: Place, { name }: Sample) => memory.agentStates.save(name, { name })
const saveWorkflow = ({ memory }: Place, { name }: Sample) => memory.workflowStates.save(name, { name })
const set = ({ memory }: Place, { name }: Sample) => memory.kv.set(name, { name })

const executions = async ({ memory }: Place, { name }: Sample) =>
  (await memory.hooks.list({ hookId: name })).map(({ id }) => id)
const agent = async ({ memory }: Place, { name }: Sample) => {
  const found = await memory.agentStates.load(name)
  return found && [found.state, found.version]
}
const workflow = async ({ memory }: Place, { name }: Sample) => {
  const found = await memory.workflowStates.load(name)
  return found && [found.state, found.version, found.status]
}
const entry = async ({ memory }: Place, { name }: Sample) => {
  const found = await memory.kv.entry(name)
  return found && [found.value, found.version]
}
const later = () => new Date(Date.now() + 60_000)
const drain = async (given: AsyncIterable<{ id: string }>) => {
  const ids: string[] = []
  for await (const { id } of given) ids.push(id)
  return ids
}

const HOOKS: readonly StoreOperation[] = [
  {
    path: 'memory.hooks.record',
    call: ({ memory }, sample, options) => memory.hooks.record(execution(sample), options),
    read: executions,
    bad: {
      'executions[0].id': ({ memory }, sample) => memory.hooks.record({ ...execution(sample), id: 'x' }),
      'executions[1].context': ({ memory }, sample) =>
        memory.hooks.record([execution(sample), { ...execution(sample), context: Number.NaN }]),
    },
    refused: {
      ID_OUT_OF_WINDOW: ({ memory }, sample) =>
        memory.hooks.record({ ...execution(sample), id: uuidv7({ msecs: 1e12 }) }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.hooks.get',
    arrange: record,
    call: async ({ memory }, { id }, options) => (await memory.hooks.get(id, options))?.context,
    bad: { id: ({ memory }) => memory.hooks.get('x'), 'ids[1]': ({ memory }, { id }) => memory.hooks.get([id, 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.hooks.list',
    arrange: record,
    call: executions,
    bad: { 'options.hookId': ({ memory }) => memory.hooks.list({ hookId: '' }) },
  },
  {
    path: 'memory.hooks.statistics',
    arrange: record,
    call: async ({ memory }) => (await memory.hooks.statistics()).executions,
    bad: {},
  },
  {
    path: 'memory.hooks.applyRetention',
    arrange: record,
    call: ({ memory }, _, options) =>
      memory.hooks.applyRetention(
        { days: 1, extraDays: 0, priorityFrom: 5, executionsMin: 0, executionsMax: 0 },
        options,
      ),
    read: executions,
    bad: { retention: ({ memory }) => memory.hooks.applyRetention('none' as never) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.hooks.archive',
    arrange: record,
    call: ({ memory }, _, options) => drain(memory.hooks.archive(later(), options)),
    bad: {
      before: ({ memory }) => memory.hooks.archive(0 as never),
      'options.pageSize': ({ memory }) => memory.hooks.archive(later(), { pageSize: 0 }),
    },
    aborts: true,
  },
  {
    path: 'memory.hooks.confirmArchive',
    arrange: async (place, sample) => {
      await record(place, sample)
      const archive = place.memory.hooks.archive(later())
      await drain(archive)
      sample.made.archive = archive.id
    },
    call: ({ memory }, { made }) => memory.hooks.confirmArchive(made.archive as string),
    read: executions,
    bad: { id: ({ memory }) => memory.hooks.confirmArchive('x') },
    refused: { ARCHIVE_UNKNOWN: ({ memory }, { id }) => memory.hooks.confirmArchive(id) },
    repeat: 'same',
  },
  {
    path: 'memory.hooks.archives',
    arrange: ({ memory }) => drain(memory.hooks.archive(later())),
    call: async ({ memory }) => (await memory.hooks.archives()).map(({ id }) => id),
    bad: { 'options.after': ({ memory }) => memory.hooks.archives({ after: 'x' }) },
  },
]

const PROCEDURES: readonly StoreOperation[] = [
  {
    path: 'memory.procedures.recordTransition',
    call: ({ memory }, sample, options) => memory.procedures.recordTransition(transition(sample), options),
    read: ({ memory }, sample) => memory.procedures.frequency(transition(sample)),
    bad: {
      'transitions[0].scope': ({ memory }, sample) =>
        memory.procedures.recordTransition({ ...transition(sample), scope: '' }),
      'transitions[1].to': ({ memory }, sample) =>
        memory.procedures.recordTransition([transition(sample), { ...transition(sample), to: '\0' }]),
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.procedures.frequency',
    arrange: learn,
    call: ({ memory }, sample, options) => memory.procedures.frequency(transition(sample), options),
    bad: {
      'transitions[0].key': ({ memory }, sample) => memory.procedures.frequency({ ...transition(sample), key: '' }),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.procedures.next',
    arrange: learn,
    call: ({ memory }, { name }, options) => memory.procedures.next({ scope: name, key: 'step', from: 'a' }, options),
    bad: { 'options.limit': ({ memory }) => memory.procedures.next({ scope: 's', key: 'k' }, { limit: 0 }) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.procedures.learned',
    arrange: learn,
    call: async ({ memory }) => (await memory.procedures.learned()).map(({ scope, frequency }) => [scope, frequency]),
    bad: { 'options.min': ({ memory }) => memory.procedures.learned({ min: 0 }) },
  },
  {
    path: 'memory.procedures.forget',
    arrange: learn,
    call: ({ memory }, { name }) => memory.procedures.forget({ scope: name }),
    read: ({ memory }, sample) => memory.procedures.frequency(transition(sample)),
    bad: { 'of.scope': ({ memory }) => memory.procedures.forget({ scope: '' }) },
    repeat: 'same',
  },
]

const STATES: readonly StoreOperation[] = [
  {
    path: 'memory.agentStates.save',
    call: ({ memory }, { name }, options) => memory.agentStates.save(name, { name }, options),
    read: agent,
    bad: {
      agentId: ({ memory }) => memory.agentStates.save('', 1),
      'states[1].state': ({ memory }, { name }) =>
        memory.agentStates.save([
          { agentId: name, state: 1 },
          { agentId: `${name}!`, state: Number.NaN },
        ]),
    },
    refused: { VERSION_CONFLICT: ({ memory }, { name }) => memory.agentStates.save(name, 1, { expectedVersion: 99 }) },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.agentStates.load',
    arrange: saveAgent,
    call: async ({ memory }, { name }, options) => (await memory.agentStates.load(name, options))?.state,
    bad: { agentId: ({ memory }) => memory.agentStates.load('') },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.agentStates.list',
    arrange: saveAgent,
    call: async ({ memory }) => (await memory.agentStates.list()).map(({ agentId }) => agentId),
    bad: { 'options.limit': ({ memory }) => memory.agentStates.list({ limit: 0 }) },
  },
  {
    path: 'memory.agentStates.delete',
    arrange: saveAgent,
    call: ({ memory }, { name }, options) => memory.agentStates.delete(name, options),
    read: agent,
    bad: { agentId: ({ memory }) => memory.agentStates.delete('') },
    refused: { VERSION_CONFLICT: ({ memory }, { name }) => memory.agentStates.delete(name, { expectedVersion: 99 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.workflowStates.save',
    call: ({ memory }, { name }, options) => memory.workflowStates.save(name, { name }, options),
    read: workflow,
    bad: {
      workflowId: ({ memory }) => memory.workflowStates.save('', 1),
      state: ({ memory }, { name }) => memory.workflowStates.save(name, Number.NaN),
    },
    refused: {
      VERSION_CONFLICT: ({ memory }, { name }) => memory.workflowStates.save(name, 1, { expectedVersion: 99 }),
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.workflowStates.load',
    arrange: saveWorkflow,
    call: async ({ memory }, { name }, options) => (await memory.workflowStates.load(name, options))?.state,
    bad: { workflowId: ({ memory }) => memory.workflowStates.load('') },
    aborts: true,
  },
  {
    path: 'memory.workflowStates.transition',
    arrange: saveWorkflow,
    call: ({ memory }, { name }, options) => memory.workflowStates.transition(name, 'running', options),
    read: workflow,
    bad: { status: ({ memory }, { name }) => memory.workflowStates.transition(name, 'paused' as never) },
    refused: {
      WORKFLOW_UNKNOWN: ({ memory }) => memory.workflowStates.transition('nobody', 'running'),
      WORKFLOW_TRANSITION_ILLEGAL: ({ memory }, { name }) => memory.workflowStates.transition(name, 'completed'),
    },
    repeat: 'WORKFLOW_TRANSITION_ILLEGAL',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.workflowStates.list',
    arrange: saveWorkflow,
    call: async ({ memory }) =>
      (await memory.workflowStates.list({ status: 'pending' })).map(({ workflowId }) => workflowId),
    bad: { 'options.status': ({ memory }) => memory.workflowStates.list({ status: 'x' as never }) },
  },
  {
    path: 'memory.workflowStates.delete',
    arrange: saveWorkflow,
    call: ({ memory }, { name }, options) => memory.workflowStates.delete(name, options),
    read: workflow,
    bad: { workflowId: ({ memory }) => memory.workflowStates.delete('') },
    refused: {
      VERSION_CONFLICT: ({ memory }, { name }) => memory.workflowStates.delete(name, { expectedVersion: 99 }),
    },
    repeat: 'same',
    aborts: true,
  },
]

const KEY_VALUE: readonly StoreOperation[] = [
  {
    path: 'memory.kv.get',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.kv.get(name, options),
    bad: { key: ({ memory }) => memory.kv.get('') },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.kv.getMany',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.kv.getMany([name], options),
    bad: { 'keys[1]': ({ memory }, { name }) => memory.kv.getMany([name, '']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.kv.entry',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.kv.entry(name, options),
    bad: { key: ({ memory }) => memory.kv.entry('') },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.kv.set',
    call: ({ memory }, { name }, options) => memory.kv.set(name, { name }, options),
    read: entry,
    bad: {
      key: ({ memory }) => memory.kv.set('', 1),
      value: ({ memory }, { name }) => memory.kv.set(name, undefined as never),
      'options.ttlMs': ({ memory }, { name }) => memory.kv.set(name, 1, { ttlMs: -1 }),
    },
    refused: { VERSION_CONFLICT: ({ memory }, { name }) => memory.kv.set(name, 1, { expectedVersion: 99 }) },
    repeat: 'counts',
    aborts: true,
    gathered: true,
    expires: 'memory.key_values',
  },
  {
    path: 'memory.kv.setMany',
    call: ({ memory }, { name }, options) => memory.kv.setMany([{ key: name, value: { name } }], options),
    read: entry,
    bad: {
      'entries[1].value': ({ memory }, { name }) =>
        memory.kv.setMany([
          { key: name, value: 1 },
          { key: `${name}!`, value: Number.NaN },
        ]),
    },
    refused: {
      VERSION_CONFLICT: ({ memory }, { name }) =>
        memory.kv.setMany([
          { key: name, value: 1 },
          { key: `${name}!`, value: 1, expectedVersion: 99 },
        ]),
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
    expires: 'memory.key_values',
  },
  {
    path: 'memory.kv.increment',
    call: ({ memory }, { name }, options) => memory.kv.increment(name, 2, options),
    read: entry,
    bad: { by: ({ memory }, { name }) => memory.kv.increment(name, 0.5) },
    refused: {
      VALUE_NOT_NUMBER: async ({ memory }, { name }) => {
        await memory.kv.set(`${name} text`, 'text')
        return await memory.kv.increment(`${name} text`)
      },
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
    expires: 'memory.key_values',
  },
  {
    path: 'memory.kv.delete',
    arrange: set,
    call: ({ memory }, { name }, options) => memory.kv.delete(name, options),
    read: entry,
    bad: { key: ({ memory }) => memory.kv.delete('') },
    refused: { VERSION_CONFLICT: ({ memory }, { name }) => memory.kv.delete(name, { expectedVersion: 99 }) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.kv.exists',
    arrange: set,
    call: ({ memory }, { name }) => memory.kv.exists(name),
    bad: { key: ({ memory }) => memory.kv.exists('') },
  },
  {
    path: 'memory.kv.list',
    arrange: set,
    call: async ({ memory }) => (await memory.kv.list({ prefix: 'sample' })).map(({ key }) => key),
    bad: { 'options.prefix': ({ memory }) => memory.kv.list({ prefix: '\ud800' }) },
  },
  {
    path: 'memory.kv.cleanup',
    arrange: async (place, sample) => {
      await set(place, sample)
      await place.sql('update memory.key_values set expires_at = now() where tenant_id = $1', [place.tenant])
    },
    call: ({ memory }, _, options) => memory.kv.cleanup(options),
    read: ({ sql, tenant }) => sql('select key from memory.key_values where tenant_id = $1', [tenant]),
    bad: { 'options.rowsMax': ({ memory }) => memory.kv.cleanup({ rowsMax: 0 }) },
    repeat: 'same',
    aborts: true,
  },
]

/** Hooks, procedures, agent and workflow states, key-values. */
export const RECORDS: readonly StoreOperation[] = [...HOOKS, ...PROCEDURES, ...STATES, ...KEY_VALUE]
