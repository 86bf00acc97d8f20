import fc from 'fast-check'
import type { Condition, Json } from 'pgfleet/learning'
import { beforeEach, describe, expect, test } from 'vitest'
import { conditionHolds } from './reference-condition.js'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const remember = (triggerConditions: Condition | undefined, name = 'p') =>
  tenant.learning.patterns.remember({
    agentType,
    name,
    type: 't',
    data: 1,
    ...(triggerConditions === undefined ? {} : { triggerConditions }),
  })
const matches = async (context: Record<string, Json>) =>
  (await tenant.learning.patterns.match(agentType, context)).length > 0

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

/** A condition, contexts in which it holds, and contexts in which it does not. */
const CASES: [string, Condition, Record<string, Json>[], Record<string, Json>[]][] = [
  ['no condition at all', {}, [{}, { a: 1 }], []],
  ['a plain value', { a: 1 }, [{ a: 1 }, { a: 1.0, b: 2 }], [{}, { a: 2 }, { a: '1' }, { a: null }, { a: [1] }]],
  ['a plain object', { a: { b: 1 } }, [{ a: { b: 1 } }], [{ a: { b: 1, c: 2 } }, { a: {} }]],
  ['a plain null', { a: null }, [{ a: null }], [{}, { a: 0 }, { a: false }]],
  ['$eq', { a: { $eq: 'x' } }, [{ a: 'x' }], [{}, { a: 'X' }, { a: ['x'] }]],
  ['$ne', { a: { $ne: 1 } }, [{}, { a: 2 }, { a: '1' }, { a: null }], [{ a: 1 }]],
  [
    '$lt',
    { coverage: { $lt: 80 } },
    [{ coverage: 79.9 }, { coverage: -1 }],
    [{ coverage: 80 }, { coverage: '7' }, {}, { coverage: null }],
  ],
  ['$lte', { a: { $lte: 80 } }, [{ a: 80 }, { a: 79 }], [{ a: 80.0001 }, { a: true }]],
  ['$gt', { a: { $gt: 'b' } }, [{ a: 'c' }, { a: 'é' }, { a: '😀' }], [{ a: 'b' }, { a: 'B' }, { a: 3 }]],
  ['$gte', { a: { $gte: 0 } }, [{ a: 0 }, { a: -0 }, { a: 1e300 }], [{ a: -1e-300 }, {}, { a: [] }]],
  [
    '$in',
    { a: { $in: [1, 'x', null, { b: 1 }] } },
    [{ a: 1 }, { a: 'x' }, { a: null }, { a: { b: 1 } }],
    [{}, { a: 2 }, { a: [1] }],
  ],
  ['$in of nothing', { a: { $in: [] } }, [], [{}, { a: 1 }]],
  ['$nin', { a: { $nin: [1, 'x'] } }, [{}, { a: 2 }, { a: '1' }], [{ a: 1 }, { a: 'x' }]],
  ['$exists true', { a: { $exists: true } }, [{ a: null }, { a: 0 }], [{}, { b: 1 }]],
  ['$exists false', { a: { $exists: false } }, [{}, { b: 1 }], [{ a: null }]],
  [
    'several operators',
    { a: { $gte: 10, $lt: 20, $ne: 15 } },
    [{ a: 10 }, { a: 19 }],
    [{ a: 9 }, { a: 15 }, { a: 20 }],
  ],
  ['several members', { a: 1, b: { $gt: 1 } }, [{ a: 1, b: 2 }], [{ a: 1, b: 1 }, { a: 1 }, { b: 2 }]],
  [
    'a path',
    { 'build.status': 'red' },
    [{ build: { status: 'red' } }],
    [{ build: 'red' }, {}, { 'build.status': 'red' }],
  ],
  ['a path into an array', { 'list.1': 'b' }, [{ list: ['a', 'b'] }], [{ list: ['b'] }]],
  ['$and', { $and: [{ a: 1 }, { b: 2 }] }, [{ a: 1, b: 2 }], [{ a: 1 }, { b: 2 }]],
  ['$and of nothing', { $and: [] }, [{}], []],
  ['$or', { $or: [{ a: 1 }, { b: 2 }] }, [{ a: 1 }, { b: 2 }], [{}, { a: 2, b: 1 }]],
  ['$or of nothing', { $or: [] }, [], [{}]],
  [
    'nested $and and $or',
    {
      language: 'ts',
      $or: [{ $and: [{ a: { $gt: 1 } }, { a: { $lt: 3 } }] }, { $or: [{ b: true }, { $and: [{ c: 1 }, { d: 1 }] }] }],
    },
    [
      { language: 'ts', a: 2 },
      { language: 'ts', b: true },
      { language: 'ts', c: 1, d: 1 },
    ],
    [{ language: 'ts', a: 3, c: 1 }, { a: 2 }, { language: 'ts' }],
  ],
]

test.each(CASES)('%s', async (_, condition, holds, fails) => {
  await remember(condition)
  for (const context of holds) expect(await matches(context), `holds in ${JSON.stringify(context)}`).toBe(true)
  for (const context of fails) expect(await matches(context), `fails in ${JSON.stringify(context)}`).toBe(false)
})

test('a pattern without conditions never matches', async () => {
  await remember(undefined)
  expect(await matches({ a: 1 })).toBe(false)
})

test('the most confident come first, and are limited', async () => {
  const ids = await Promise.all(['a', 'b', 'c'].map((name) => remember({ x: 1 }, name)))
  await tenant.learning.patterns.recordOutcomes([
    { patternId: ids[1] as string, succeeded: true },
    { patternId: ids[0] as string, succeeded: false },
  ])
  const found = await tenant.learning.patterns.match(agentType, { x: 1 })
  expect(found.map(({ name }) => name)).toEqual(['b', 'c', 'a'])
  expect(await tenant.learning.patterns.match(agentType, { x: 1 }, { limit: 1 })).toMatchObject([{ name: 'b' }])
})

test('other agent types, other tenants and expired patterns do not match', async () => {
  await remember({ x: 1 })
  expect(await tenant.learning.patterns.match('test-executor', { x: 1 })).toEqual([])
  expect(await (await newTenant(fleet())).learning.patterns.match(agentType, { x: 1 })).toEqual([])
  await sql(fleet(), 'update learning.patterns set expires_at = now() where tenant_id = $1', [tenant.id])
  expect(await matches({ x: 1 })).toBe(false)
})

describe('a condition with a fault is refused before it is sent, by name', () => {
  test.each<[string, unknown]>([
    ['a', { a: { $near: 1 } }],
    ['a', { a: { $eq: 1, $regex: 'x' } }],
    ['$not', { $not: [{ a: 1 }] }],
    ['$and', { $and: { a: 1 } }],
    ['$or[1]', { $or: [{ a: 1 }, 7] }],
    ['$and[0].$or[0].b', { $and: [{ $or: [{ b: { $lt: null } }] }] }],
    ['a', { a: { $in: 'x' } }],
    ['a', { a: { $exists: 'yes' } }],
    ['a', { a: { $gt: [1] } }],
    ['a', { a: { $eq: 1, b: 2 } }],
    ['a', { a: Number.NaN }],
    ['a', { a: () => 1 }],
  ])('%s: %j', async (path, triggerConditions) => {
    const error = await failure(remember(triggerConditions as Condition))
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.field?.startsWith(`patterns[0].triggerConditions.${path}`), `the field is ${error.field}`).toBe(true)
  })

  test.each([
    ['an array', []],
    ['a text', 'x'],
    ['null', null],
  ])('%s is no condition', async (_, condition) => {
    const error = await failure(remember(condition as never))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'patterns[0].triggerConditions' })
  })

  test('33 levels are too deep', async () => {
    let condition: Condition = { a: 1 }
    for (let i = 0; i < 33; i++) condition = { $and: [condition] }
    expect((await failure(remember(condition))).code).toBe('INPUT_INVALID')
  })
})

const scalar: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  0,
  1,
  1.5,
  -2,
  1e20,
  '',
  'a',
  'b',
  'B',
  'é',
  '😀',
  '\ue000',
  true,
  false,
  null,
)
const value: fc.Arbitrary<Json> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('a', 'b'), scalar, { maxKeys: 2 }),
)
const context = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3 })
const bound = fc.constantFrom<number | string>(0, 1, 1.2, -5, '', 'a', 'b', 'é', '😀')
const operators = fc
  .record(
    {
      $eq: value,
      $ne: value,
      $lt: bound,
      $lte: bound,
      $gt: bound,
      $gte: bound,
      $in: fc.array(value, { maxLength: 3 }),
      $nin: fc.array(value, { maxLength: 3 }),
      $exists: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .filter((tests) => Object.keys(tests).length > 0)
// One or two operators: more never hold together.
const few = fc
  .tuple(operators, fc.integer({ min: 1, max: 2 }))
  .map(([all, many]) => Object.fromEntries(Object.entries(all).slice(0, many)))
const path = fc.constantFrom('a', 'b', 'c', 'a.a', 'a.b', 'b.0', 'c.1')
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.dictionary(path, fc.oneof(few, value), { maxKeys: 2 }) as fc.Arbitrary<Condition>,
    fc.array(tie('condition'), { maxLength: 3 }).map(($and) => ({ $and })) as fc.Arbitrary<Condition>,
    fc.array(tie('condition'), { maxLength: 3 }).map(($or) => ({ $or })) as fc.Arbitrary<Condition>,
  ),
}))

test('any condition holds in SQL where it holds in the reference', async () => {
  let held = 0
  let all = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(condition, context), { minLength: 30, maxLength: 80 }), async (pairs) => {
      const rows = await sql<{ holds: boolean }>(
        fleet(),
        `select learning.condition_holds(x.value -> 0, x.value -> 1) as holds
        from jsonb_array_elements($1::jsonb) with ordinality as x(value, place) order by x.place`,
        [JSON.stringify(pairs)],
      )
      for (const [i, [one, within]] of pairs.entries()) {
        const want = conditionHolds(one, within)
        if (rows[i]?.holds !== want)
          expect.fail(`${JSON.stringify(one)} in ${JSON.stringify(within)}: ${rows[i]?.holds}`)
        held += Number(want)
        all++
      }
    }),
    { numRuns: 60 },
  )
  expect(held / all, 'the share that holds says whether the property tests anything').toBeGreaterThan(0.1)
})
