import type { Experience, Json } from 'pgfleet/learning'
import { beforeAll, describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const good: Experience = { agentType: 'test-generator', state: 's', action: 'a', reward: 1 }
let tenant: Awaited<ReturnType<typeof newTenant>>

beforeAll(async () => {
  tenant = await newTenant(fleet())
})

function nested(depth: number): Json {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

const cycle: { self?: unknown } = {}
cycle.self = cycle

/** What is no JSON, too long, or cannot be stored, wherever JSON is taken. */
const BAD_JSON: Record<string, unknown> = {
  undefined: undefined,
  'a function': () => 1,
  'a function as a member': { a: () => 1 },
  'a function as an element': [() => 1],
  'undefined as an element': [undefined],
  'a hole in an array': Object.assign(new Array(3), { 0: 1, 2: 2 }),
  'a symbol': Symbol('s'),
  'a BigInt': 1n,
  'a BigInt as a member': { a: [1n] },
  NaN: Number.NaN,
  'Infinity as a member': { a: Number.POSITIVE_INFINITY },
  'a Date': new Date(),
  'an invalid Date': new Date(Number.NaN),
  'a Map': new Map([['a', 1]]),
  'a cycle': cycle,
  'an indirect cycle': [[cycle]],
  '10 MB': 'x'.repeat(10 * 1024 * 1024),
  '10 MB of members': Object.fromEntries(Array.from({ length: 400_000 }, (_, i) => [`member ${i}`, i])),
  'a NUL character': 'a\0b',
  'a NUL character in a key': { 'a\0b': 1 },
  'half of a surrogate pair': 'a\ud800',
  'the other half, in a key': { '\udc00': 1 },
  '10,000 levels': nested(10_000),
  '30,000 levels': nested(30_000),
  '1,000,000 levels': nested(1_000_000),
}

describe.each(['state', 'action', 'nextState', 'nextAction'] as const)('%s', (member) => {
  const cases = Object.entries(BAD_JSON).filter(
    ([name]) => name !== 'undefined' || ['state', 'action'].includes(member),
  )
  test.each(cases)('%s is refused, by name', async (_, value) => {
    const error = await failure(tenant.learning.learn([good, { ...good, [member]: value }]))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `experiences[1].${member}` })
    expect(error.message.length).toBeLessThan(400)
  })
})

const BAD_MEMBERS: [string, string, unknown][] = [
  ['reward', 'NaN', Number.NaN],
  ['reward', 'Infinity', Number.POSITIVE_INFINITY],
  ['reward', '-Infinity', Number.NEGATIVE_INFINITY],
  ['reward', 'a text', '1'],
  ['reward', 'null', null],
  ['reward', 'undefined', undefined],
  ['reward', 'a BigInt', 1n],
  ['agentType', 'empty', ''],
  ['agentType', '51 characters', 'x'.repeat(51)],
  ['agentType', '10 MB', 'x'.repeat(10 * 1024 * 1024)],
  ['agentType', 'a number', 7],
  ['agentType', 'null', null],
  ['agentType', 'a NUL character', 'a\0b'],
  ['agentType', 'half of a surrogate pair', 'a\ud800'],
  ['learningRate', '0', 0],
  ['learningRate', 'above 1', 1.01],
  ['learningRate', 'NaN', Number.NaN],
  ['learningRate', 'another word', 'visit'],
  ['discountFactor', 'below 0', -0.1],
  ['discountFactor', 'above 1', 1.1],
  ['explorationRate', 'above 1', 2],
  ['draw', '1', 1],
  ['draw', 'below 0', -0.1],
  ['algorithm', 'another word', 'monte-carlo'],
  ['terminal', 'a text', 'yes'],
  ['id', 'no UUID', '7'],
  ['id', 'a UUIDv4', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
  ['sessionId', 'no UUID', 'x'],
  ['discount', 'an unknown member', 0.5],
  ['__proto__x', 'an unknown member', 0.5],
]

test.each(BAD_MEMBERS)('%s that is %s is refused, by name', async (member, _, value) => {
  const error = await failure(tenant.learning.learn([good, good, { ...good, [member]: value }]))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `experiences[2].${member}` })
})

test.each([
  ['null', null],
  ['a text', 'learn'],
  ['a number', 1],
  ['a function', () => good],
  ['an array in the array', [good]],
])('an experience that is %s is refused', async (_, value) => {
  const error = await failure(tenant.learning.learn([value as never]))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'experiences[0]' })
})

test('an unknown agent type is refused, by name', async () => {
  const error = await failure(tenant.learning.learn([good, { ...good, agentType: 'nobody' }]))
  expect(error).toMatchObject({ code: 'AGENT_TYPE_UNKNOWN', field: 'experiences[1].agentType', retryable: false })
})

test('more items than a call takes are refused', async () => {
  const error = await failure(tenant.learning.learn(Array.from({ length: 2001 }, () => good)))
  expect(error).toMatchObject({ code: 'INPUT_INVALID' })
})

test('a reward beyond 1e100 is refused, by name', async () => {
  const far = { ...good, state: 'far', learningRate: 1 }
  await tenant.learning.learn({ ...far, reward: 1e100 })
  const error = await failure(tenant.learning.learn({ ...far, reward: -1.7e308 }))
  expect(error.code).toBe('INPUT_INVALID')
  expect(error.field).toMatch(/^experiences\[0\]/)
  expect(await tenant.learning.best('test-generator', 'far')).toMatchObject({ visits: 1, q: 1e100 })
})

test('nothing of all that was written', async () => {
  const rows = await sql(fleet(), `select state from learning.q_values where tenant_id = $1 and state <> '"far"'`, [
    tenant.id,
  ])
  expect(rows).toEqual([])
})

test.each([
  `'; drop table learning.q_values; --`,
  '$1::text, $2::jsonb',
  '\\"}],"reward":1e9',
  '{"a": 1}',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '%s %n \u0001\u001f\u007f',
  '\u2028\u2029\ufeff',
  'ﷺ🏳️‍🌈𝔘𝔫𝔦𝔠𝔬𝔡𝔢',
  'null',
  'constructor',
  '__proto__',
  'x'.repeat(8000),
])('hostile but legal content comes back unchanged: %#', async (text) => {
  const { learning } = await newTenant(fleet())
  const state = JSON.parse(`{${JSON.stringify(text)}: [${JSON.stringify(text)}], "more": {"__proto__": 1}}`) as Json
  await learning.learn({ ...good, state, action: text })
  expect(await learning.best('test-generator', state)).toMatchObject({ action: text })
  const action = [text, { [text]: text }] as Json
  if (text.length > 2000) return
  await learning.learn({ ...good, state, action, reward: 9 })
  expect(JSON.stringify((await learning.best('test-generator', state))?.action)).toBe(JSON.stringify(action))
})

test('content that differs only in __proto__ is not the same', async () => {
  const { learning } = await newTenant(fleet())
  await learning.learn({ ...good, state: JSON.parse('{"__proto__": 1}') as Json })
  expect(await learning.best('test-generator', {})).toBeUndefined()
  expect(await learning.best('test-generator', JSON.parse('{"__proto__": 1}') as Json)).toBeDefined()
})

test('content of 200 levels is taken, of 201 not', async () => {
  const { learning } = await newTenant(fleet())
  await learning.learn({ ...good, state: nested(200), action: nested(200) })
  expect(await learning.best('test-generator', nested(200))).toMatchObject({ action: nested(200) })
  const error = await failure(learning.learn({ ...good, state: nested(201) }))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'experiences[0].state' })
})

test('content of exactly the longest length is taken', async () => {
  const { learning } = await newTenant(fleet())
  await learning.learn({ ...good, state: 'x'.repeat(65_534), action: 'y'.repeat(8_190) })
  expect((await learning.best('test-generator', 'x'.repeat(65_534)))?.action).toHaveLength(8_190)
  expect((await failure(learning.learn({ ...good, state: 'x'.repeat(65_535) }))).field).toBe('experiences[0].state')
  expect((await failure(learning.learn({ ...good, action: 'x'.repeat(8_191) }))).field).toBe('experiences[0].action')
})
