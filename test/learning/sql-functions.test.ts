import { beforeEach, describe, expect, test } from 'vitest'
import { contentHash } from './reference.js'
import { newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

/** One statement as psql or Python would send it. */
const call = <Row extends object>(text: string, ...values: unknown[]) => sql<Row>(fleet(), text, [tenant.id, ...values])
const upsert = (q: number) =>
  call<{ q: number }>(
    `select learning.upsert_q_value($1, 'test-generator', learning.content_hash('"s"'), '"s"', learning.content_hash('"a"'), '"a"', $2) as q`,
    q,
  )

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('upsert_q_value sets a value that get_best_action and the library find', async () => {
  expect(await upsert(2.5)).toEqual([{ q: 2.5 }])
  const best = await call(
    `select action, q, visits::integer, confidence from learning.get_best_action($1, 'test-generator', learning.content_hash('"s"'))`,
  )
  expect(best).toEqual([{ action: 'a', q: 2.5, visits: 1, confidence: 0.5 }])
  expect(await tenant.learning.best(agentType, 's')).toEqual({ action: 'a', q: 2.5, visits: 1 })
})

test('upsert_q_value again sets the new value and counts a visit', async () => {
  await upsert(2.5)
  expect(await upsert(-1)).toEqual([{ q: -1 }])
  expect(await tenant.learning.best(agentType, 's')).toEqual({ action: 'a', q: -1, visits: 2 })
})

test('upsert_q_value sets the value that counts, also after double q-learning', async () => {
  await tenant.learning.learn({ agentType, state: 's', action: 'a', reward: 8, algorithm: 'double-q', draw: 0.9 })
  expect(await upsert(5)).toEqual([{ q: 5 }])
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ q: 5 })
})

test('upsert_q_value sets a value far smaller than the one before', async () => {
  await upsert(1e17)
  expect(await upsert(1)).toEqual([{ q: 1 }])
})

test('get_best_action gives no row for a state that is not known', async () => {
  expect(
    await call(`select * from learning.get_best_action($1, 'test-generator', learning.content_hash('"s"'))`),
  ).toEqual([])
})

test('get_best_action is confident after 51 visits', async () => {
  await tenant.learning.learn(Array.from({ length: 60 }, () => ({ agentType, state: 's', action: 'a', reward: 1 })))
  const rows = await call(
    `select confidence from learning.get_best_action($1, 'test-generator', learning.content_hash('"s"'))`,
  )
  expect(rows).toEqual([{ confidence: 1 }])
})

test('learn, best, values_of and choose answer in order, in plain SQL', async () => {
  const key = { agent_type: agentType, state_hash: contentHash('s'), state: 's' }
  const experiences = [1, 3].map((reward) => ({
    ...key,
    action_hash: contentHash(reward),
    action: reward,
    reward,
    learning_rate: 1,
  }))
  expect(
    await call(
      'select ordinal, q, visits::integer, td_error, replayed from learning.learn($1, $2)',
      JSON.stringify(experiences),
    ),
  ).toEqual([
    { ordinal: 1, q: 1, visits: 1, td_error: 1, replayed: false },
    { ordinal: 2, q: 3, visits: 1, td_error: 3, replayed: false },
  ])
  const lookups = JSON.stringify([{ agent_type: agentType, state_hash: contentHash('none') }, key])
  expect(await call('select ordinal, action, q from learning.best($1, $2)', lookups)).toEqual([
    { ordinal: 2, action: 3, q: 3 },
  ])
  expect(
    await call('select ordinal, jsonb_array_length(action_values) as n from learning.values_of($1, $2)', lookups),
  ).toEqual([
    { ordinal: 1, n: 0 },
    { ordinal: 2, n: 2 },
  ])
  expect(
    await call('select ordinal, action, source from learning.choose($1, $2)', JSON.stringify([{ ...key, epsilon: 0 }])),
  ).toEqual([{ ordinal: 1, action: 3, source: 'agent-type' }])
})

describe('the functions refuse by themselves what the library refuses', () => {
  const good = {
    agent_type: agentType,
    state_hash: contentHash('s'),
    state: 's',
    action_hash: contentHash('a'),
    action: 'a',
    reward: 1,
  }
  const learn = (more: object) => call('select * from learning.learn($1, $2)', JSON.stringify([{ ...good, ...more }]))
  test.each([
    ['no reward', { reward: null }],
    ['a reward of NaN', { reward: 'NaN' }],
    ['a reward of Infinity', { reward: 'Infinity' }],
    ['no state', { state: undefined }],
    ['no state hash', { state_hash: null }],
    ['another algorithm', { algorithm: 'monte-carlo' }],
    ['a learning rate above 1', { learning_rate: 7 }],
    ['a learning rate of NaN', { learning_rate: 'NaN' }],
    ['a discount factor above 1', { discount_factor: 7 }],
    ['an id that is no UUIDv7', { id: 'f47ac10b-58cc-4372-a567-0e02b2c3d479' }],
    ['an unknown agent type', { agent_type: 'nobody' }],
  ])('%s', async (_, more) => {
    await expect(learn(more)).rejects.toThrow()
    expect(await tenant.learning.values(agentType, 's')).toEqual([])
  })

  test('another strategy', async () => {
    await expect(
      call('select * from learning.choose($1, $2)', JSON.stringify([{ ...good, strategy: 'best' }])),
    ).rejects.toThrow()
  })
})

test.each([
  ['no tenant', null],
  ['an empty tenant', ''],
  ['an illegal tenant', `x' or true --`],
  ['an unknown tenant', 'nobody-here'],
])('%s is refused by every function', async (_, id) => {
  for (const name of [
    'learn',
    'best',
    'values_of',
    'choose',
    'record_trajectories',
    'remember_patterns',
    'record_pattern_outcomes',
    'search_patterns',
    'report_agents',
  ]) {
    await expect(sql(fleet(), `select * from learning.${name}($1, '[]')`, [id]), name).rejects.toThrow()
  }
  await expect(
    sql(fleet(), `select * from learning.get_best_action($1, 'x', gen_random_uuid())`, [id]),
  ).rejects.toThrow()
  await expect(sql(fleet(), 'select * from learning.cleanup_expired_data($1)', [id])).rejects.toThrow()
})
