import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const session = ({ id, name }: Sample) => ({ id, agentName: name, agentType: 'tester' as const })
const create = ({ delivery }: Place, sample: Sample) => delivery.agentSessions.create(session(sample))
const sessions = async ({ delivery }: Place, { name }: Sample) =>
  (await delivery.agentSessions.list({ agentName: name })).map(
    ({ agentName, status, version, data, requests, tokensUsed, costUsd }) => [
      agentName,
      status,
      version,
      data,
      requests,
      tokensUsed,
      costUsd,
    ],
  )
const interaction = ({ id }: Sample) => ({
  id,
  sessionId: id,
  type: 'chat' as const,
  tokens: 5,
  costUsd: 0.25,
  durationMs: 3,
})
const record = async (place: Place, sample: Sample) => {
  await create(place, sample)
  await place.delivery.agentSessions.record(interaction(sample))
}
const ended = async ({ delivery }: Place) => {
  const { id } = await delivery.agentSessions.create({ agentName: 'other', agentType: 'tester' })
  await delivery.agentSessions.transition(id, 'completed')
  return id
}

/** Agent sessions, and what they did. */
export const AGENT_SESSIONS: readonly StoreOperation[] = [
  {
    path: 'delivery.agentSessions.create',
    call: ({ delivery }, sample, options) => delivery.agentSessions.create(session(sample), options),
    read: sessions,
    bad: {
      'sessions[0].agentType': ({ delivery }, sample) =>
        delivery.agentSessions.create({ ...session(sample), agentType: 'x' as never }),
      'sessions[1].budgets.tokens': ({ delivery }, sample) =>
        delivery.agentSessions.create([
          session(sample),
          { ...session(sample), id: uuidv7(), budgets: { tokens: Number.NaN } },
        ]),
    },
    refused: {
      ID_CONFLICT: async (place, sample) => {
        const id = await ended(place)
        return await place.delivery.agentSessions.create([session(sample), { ...session(sample), id }])
      },
      AGENT_SESSION_UNKNOWN: ({ delivery }, sample) =>
        delivery.agentSessions.create({ ...session(sample), parentId: uuidv7() }),
      AGENT_SESSION_STATE_ILLEGAL: async (place, sample) =>
        await place.delivery.agentSessions.create({ ...session(sample), parentId: await ended(place) }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.agentSessions.get',
    arrange: create,
    call: async ({ delivery }, { id }, options) => (await delivery.agentSessions.get(id, options))?.agentName,
    bad: { 'ids[1]': ({ delivery }, { id }) => delivery.agentSessions.get([id, 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.agentSessions.update',
    arrange: create,
    call: ({ delivery }, { id }, options) => delivery.agentSessions.update({ id, data: { n: 1 } }, options),
    read: sessions,
    bad: {
      'sessions[0].expectedVersion': ({ delivery }, { id }) =>
        delivery.agentSessions.update({ id, expectedVersion: 0 }),
      'sessions[1].data': ({ delivery }, { id }) =>
        delivery.agentSessions.update([
          { id, data: { n: 2 } },
          { id, data: 1 as never },
        ]),
    },
    refused: {
      AGENT_SESSION_UNKNOWN: ({ delivery }, { id }) =>
        delivery.agentSessions.update([
          { id, data: { n: 2 } },
          { id: uuidv7(), data: { n: 2 } },
        ]),
      VERSION_CONFLICT: ({ delivery }, { id }) => delivery.agentSessions.update({ id, data: {}, expectedVersion: 99 }),
      AGENT_SESSION_STATE_ILLEGAL: async (place) =>
        await place.delivery.agentSessions.update({ id: await ended(place), data: {} }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.agentSessions.transition',
    arrange: create,
    call: ({ delivery }, { id }, options) => delivery.agentSessions.transition(id, 'idle', options),
    read: sessions,
    bad: {
      status: ({ delivery }, { id }) => delivery.agentSessions.transition(id, 'done' as never),
      'sessions[0].id': ({ delivery }) => delivery.agentSessions.transition('x', 'idle'),
    },
    refused: {
      AGENT_SESSION_UNKNOWN: ({ delivery }) => delivery.agentSessions.transition(uuidv7(), 'idle'),
      AGENT_SESSION_STATE_ILLEGAL: ({ delivery }, { id }) => delivery.agentSessions.transition(id, 'busy'),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.agentSessions.record',
    arrange: create,
    call: ({ delivery }, sample, options) => delivery.agentSessions.record(interaction(sample), options),
    read: sessions,
    bad: {
      'interactions[0].tokens': ({ delivery }, sample) =>
        delivery.agentSessions.record({ ...interaction(sample), tokens: -1 }),
      'interactions[1].costUsd': ({ delivery }, sample) =>
        delivery.agentSessions.record([interaction(sample), { ...interaction(sample), costUsd: 'much' }]),
    },
    refused: {
      AGENT_SESSION_UNKNOWN: ({ delivery }, sample) =>
        delivery.agentSessions.record([
          interaction(sample),
          { ...interaction(sample), id: uuidv7(), sessionId: uuidv7() },
        ]),
      AGENT_SESSION_STATE_ILLEGAL: async (place, sample) =>
        await place.delivery.agentSessions.record({ ...interaction(sample), sessionId: await ended(place) }),
      BUDGET_EXCEEDED: async ({ delivery }, sample) => {
        const { id } = await delivery.agentSessions.create({
          agentName: 'other',
          agentType: 'tester',
          budgets: { tokens: 4 },
        })
        return await delivery.agentSessions.record([
          interaction(sample),
          { ...interaction(sample), id: uuidv7(), sessionId: id },
        ])
      },
      ID_OUT_OF_WINDOW: ({ delivery }, sample) =>
        delivery.agentSessions.record([interaction(sample), { ...interaction(sample), id: uuidv7({ msecs: 1e12 }) }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'delivery.agentSessions.interactions',
    arrange: record,
    call: async ({ delivery }, { id }, options) =>
      (await delivery.agentSessions.interactions(id, options)).map(({ sequence, tokens }) => [sequence, tokens]),
    bad: {
      sessionId: ({ delivery }) => delivery.agentSessions.interactions('x'),
      'options.limit': ({ delivery }, { id }) => delivery.agentSessions.interactions(id, { limit: 0 }),
    },
    aborts: true,
  },
  {
    path: 'delivery.agentSessions.list',
    arrange: create,
    call: async ({ delivery }, _, options) =>
      (await delivery.agentSessions.list(options)).map(({ agentName }) => agentName),
    bad: {
      'options.status': ({ delivery }) => delivery.agentSessions.list({ status: 'x' as never }),
      'options.after': ({ delivery }) => delivery.agentSessions.list({ after: 'x' }),
    },
    aborts: true,
  },
  {
    path: 'delivery.agentSessions.statistics',
    arrange: record,
    call: ({ delivery }, { name }, options) => delivery.agentSessions.statistics({ agentName: name, ...options }),
    bad: { 'filter.ids[0]': ({ delivery }) => delivery.agentSessions.statistics({ ids: ['x'] }) },
    aborts: true,
  },
  {
    path: 'delivery.agentSessions.expire',
    arrange: async (place, sample) => {
      await create(place, sample)
      await place.sql(
        `update delivery.agent_sessions set live_until = now() - interval '1 day' where tenant_id = $1 and session_id = $2`,
        [place.tenant, sample.id],
      )
    },
    call: ({ delivery }, _, options) => delivery.agentSessions.expire(options),
    read: sessions,
    bad: { 'options.limit': ({ delivery }) => delivery.agentSessions.expire({ limit: 0 }) },
    repeat: 'same',
    aborts: true,
  },
]
