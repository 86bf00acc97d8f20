import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const session = ({ id, name }: Sample) => ({ id, data: { name } })
const create = ({ memory }: Place, sample: Sample) => memory.sessions.create(session(sample))
const sessions = async ({ memory }: Place, { name }: Sample) =>
  (await memory.sessions.list())
    .filter(({ data }) => data.name === name)
    .map(({ data, state, version, retentionDays }) => [data, state, version, retentionDays])
const expire = ({ sql, tenant }: Place, { id }: Sample) =>
  sql(`update memory.sessions set expires_at = now() - interval '1 day' where tenant_id = $1 and session_id = $2`, [
    tenant,
    id,
  ])

/** Sessions. */
export const SESSIONS: readonly StoreOperation[] = [
  {
    path: 'memory.sessions.create',
    call: ({ memory }, sample, options) => memory.sessions.create(session(sample), options),
    read: sessions,
    bad: {
      'sessions[0].retentionDays': ({ memory }, sample) =>
        memory.sessions.create({ ...session(sample), retentionDays: 0 }),
      'sessions[1].data': ({ memory }, sample) =>
        memory.sessions.create([session(sample), { id: uuidv7(), data: { n: Number.NaN } }]),
    },
    refused: {
      ID_CONFLICT: async ({ memory }, sample) => {
        const id = uuidv7()
        await memory.sessions.create({ id })
        return await memory.sessions.create([session(sample), { id, data: { other: true } }])
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
    expires: 'memory.sessions',
  },
  {
    path: 'memory.sessions.get',
    arrange: create,
    call: async ({ memory }, { id }, options) => (await memory.sessions.get(id, options))?.data,
    bad: { 'ids[1]': ({ memory }, { id }) => memory.sessions.get([id, 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.sessions.update',
    arrange: create,
    call: ({ memory }, { id }, options) => memory.sessions.update({ id, patch: { n: 1 } }, options),
    read: sessions,
    bad: {
      'sessions[0].expectedVersion': ({ memory }, { id }) => memory.sessions.update({ id, expectedVersion: 0 }),
      'sessions[1].patch': ({ memory }, { id }) =>
        memory.sessions.update([
          { id, patch: { n: 2 } },
          { id, patch: 1 as never },
        ]),
    },
    refused: {
      SESSION_UNKNOWN: ({ memory }, { id }) =>
        memory.sessions.update([
          { id, patch: { n: 2 } },
          { id: uuidv7(), patch: { n: 2 } },
        ]),
      VERSION_CONFLICT: ({ memory }, { id }) => memory.sessions.update({ id, data: {}, expectedVersion: 99 }),
      SESSION_STATE_ILLEGAL: async ({ memory }) => {
        const { id } = await memory.sessions.create()
        await memory.sessions.transition(id, 'archived')
        return await memory.sessions.update({ id, data: {} })
      },
    },
    repeat: 'counts',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.sessions.transition',
    arrange: create,
    call: ({ memory }, { id }, options) => memory.sessions.transition(id, 'completed', options),
    read: sessions,
    bad: {
      state: ({ memory }, { id }) => memory.sessions.transition(id, 'done' as never),
      'sessions[0].id': ({ memory }) => memory.sessions.transition('x', 'completed'),
    },
    refused: {
      SESSION_UNKNOWN: ({ memory }) => memory.sessions.transition(uuidv7(), 'completed'),
      SESSION_STATE_ILLEGAL: async ({ memory }) => {
        const { id } = await memory.sessions.create()
        await memory.sessions.transition(id, 'archived')
        return await memory.sessions.transition(id, 'active')
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.sessions.touch',
    arrange: async (place, sample) => {
      await create(place, sample)
      await place.sql(
        `update memory.sessions set last_accessed_at = now() - interval '1 day', expires_at = expires_at - interval '1 day'
        where tenant_id = $1 and session_id = $2`,
        [place.tenant, sample.id],
      )
    },
    call: ({ memory }, { id }, options) => memory.sessions.touch(id, options),
    read: ({ sql, tenant }, { id }) =>
      sql(
        `select last_accessed_at > now() - interval '1 hour' as fresh, version,
          extract(day from expires_at - date_trunc('day', last_accessed_at, 'UTC'))::integer as days
        from memory.sessions where tenant_id = $1 and session_id = $2`,
        [tenant, id],
      ),
    bad: { 'sessions[1].id': ({ memory }, { id }) => memory.sessions.touch([id, 'x']) },
    refused: { SESSION_UNKNOWN: ({ memory }, { id }) => memory.sessions.touch([id, uuidv7()]) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.sessions.delete',
    arrange: create,
    call: ({ memory }, { id }, options) => memory.sessions.delete(id, options),
    read: sessions,
    bad: { 'ids[1]': ({ memory }, { id }) => memory.sessions.delete([id, 'x']) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.sessions.list',
    arrange: create,
    call: async ({ memory }, _, options) => (await memory.sessions.list(options)).map(({ data }) => data),
    bad: {
      'options.state': ({ memory }) => memory.sessions.list({ state: 'x' as never }),
      'options.after': ({ memory }) => memory.sessions.list({ after: 'x' }),
    },
    aborts: true,
  },
  {
    path: 'memory.sessions.deleteExpired',
    arrange: async (place, sample) => {
      await create(place, sample)
      await expire(place, sample)
    },
    call: ({ memory }, _, options) => memory.sessions.deleteExpired(options),
    read: async ({ memory }) => (await memory.sessions.list({ state: 'expired' })).map(({ data }) => data),
    bad: { 'options.limit': ({ memory }) => memory.sessions.deleteExpired({ limit: 0 }) },
    repeat: 'same',
    aborts: true,
  },
]
