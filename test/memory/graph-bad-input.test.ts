import { randomUUID } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await fleet.tenants.create({ id: 'acme' })
const { graph } = fleet.tenant('acme').memory

const id = (await graph.entities.assert({ type: 'person', name: 'Ada' })).id
const rows = () =>
  sql(
    fleet,
    `select (select count(*) from memory.entities) as a, (select count(*) from memory.entity_versions) as b,
      (select count(*) from memory.relationships) as c, (select count(*) from memory.relationship_versions) as d, (select count(*) from memory.episodes) as e`,
  )
const before = await rows()

/** What no type allows. */
const any = (value: unknown) => value as never
const LONG = 'x'.repeat(70_000)
const fine = { type: 'person', name: 'Bob' }
const key = { subjectId: id, type: 'knows', objectId: id }

/** A bad member, and the name under which it is refused. */
const MOMENTS: [string, unknown][] = [
  ['no moment', 'yesterday'],
  ['a number', 17],
  ['an invalid Date', new Date(Number.NaN)],
  ['without a zone', '2025-01-01T00:00:00'],
  ['the 30th of February', '2025-02-30'],
  ['the 25th hour', '2025-01-01T25:00:00Z'],
  ['finer than a microsecond', '2025-01-01T00:00:00.0000001Z'],
  ['before year 1', new Date(-1e14)],
  ['after year 9999', new Date(8e14)],
  ['infinity', 'infinity'],
  ['a statement', `2025-01-01'; drop table memory.entities; --`],
]

describe('asserting entities', () => {
  const CASES: [string, string, unknown][] = [
    ['id', 'no UUID', 'x'],
    ['id', 'null', null],
    ['type', 'empty', ''],
    ['type', '256 characters', 'x'.repeat(256)],
    ['type', 'missing', undefined],
    ['name', 'empty', ''],
    ['name', '501 characters', 'x'.repeat(501)],
    ['name', 'a NUL character', 'a\0b'],
    ['name', 'half of a surrogate pair', 'a\ud800'],
    ['name', 'a number', 7],
    ['properties', 'an array', []],
    ['properties', 'a text', 'x'],
    ['properties', 'null', null],
    ['properties', 'too long', { a: LONG }],
    ['properties', 'a NUL character inside', { a: ['\0'] }],
    ['properties', 'NaN inside', { a: Number.NaN }],
    ['properties', 'a Date inside', { a: new Date() }],
    ['nickname', 'an unknown member', 'x'],
    ...MOMENTS.flatMap(([what, value]): [string, string, unknown][] => [
      ['validFrom', what, value],
      ['validTo', what, value],
    ]),
  ]
  test.each(CASES)('%s that is %s is refused, by name', async (member, _, value) => {
    const error = await failure(graph.entities.assert([fine, any({ ...fine, [member]: value })]))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `entities[1].${member}` })
    expect(error.message.length).toBeLessThan(400)
  })

  test.each([
    ['2025-01-01', '2024-12-31'],
    ['2025-01-01', '2025-01-01'],
    ['2025-01-01T00:00:00.000001Z', '2025-01-01'],
    ['2025-01-01T01:00:00+02:00', '2024-12-31T23:00:00Z'],
  ])('a valid time from %s to %s is refused', async (validFrom, validTo) => {
    const error = await failure(graph.entities.assert({ ...fine, validFrom, validTo }))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'entities[0].validTo' })
    expect(await failure(graph.relationships.assert({ ...key, validFrom, validTo }))).toMatchObject({
      code: 'INPUT_INVALID',
      field: 'relationships[0].validTo',
    })
  })

  test('more than 1,000 are refused', async () => {
    const many = Array.from({ length: 1001 }, () => fine)
    expect(await failure(graph.entities.assert(many))).toMatchObject({ code: 'INPUT_INVALID', field: 'entities' })
  })
})

test.each([
  [
    'entities.correct',
    () => graph.entities.correct({ id: randomUUID(), name: 'x' }),
    'ENTITY_UNKNOWN',
    'entities[0].id',
  ],
  [
    'entities.correct of no time',
    () => graph.entities.correct(any({ id, validFrom: 'x' })),
    'INPUT_INVALID',
    'entities[0].validFrom',
  ],
  ['entities.retract', () => graph.entities.retract([{ id: randomUUID() }]), 'ENTITY_UNKNOWN', 'entities[0].id'],
  [
    'entities.retract, detach',
    () => graph.entities.retract(any({ id, detach: 1 })),
    'INPUT_INVALID',
    'entities[0].detach',
  ],
  ['entities.get', () => graph.entities.get('x'), 'INPUT_INVALID', 'id'],
  ['entities.get of many', () => graph.entities.get([id, any(null)]), 'INPUT_INVALID', 'ids[1]'],
  ['entities.get at', () => graph.entities.get(id, { at: 'then' }), 'INPUT_INVALID', 'point.at'],
  ['entities.get knownAt', () => graph.entities.get(id, { knownAt: any(5) }), 'INPUT_INVALID', 'point.knownAt'],
  ['entities.history', () => graph.entities.history(id, { limit: 0 }), 'INPUT_INVALID', 'options.limit'],
  [
    'entities.history after',
    () => graph.entities.history(id, { after: 'eyJhIjoxfQ' }),
    'INPUT_INVALID',
    'options.after',
  ],
  [
    'entities.history, a cursor of another list',
    () =>
      graph.entities.history(id, { after: Buffer.from(JSON.stringify([id, 'x', '-infinity'])).toString('base64url') }),
    'INPUT_INVALID',
    'options.after',
  ],
  ['entities.diff', () => graph.entities.diff(id, { at: any(1) }), 'INPUT_INVALID', 'before.at'],
  ['entities.query limit', () => graph.entities.query({ limit: 1001 }), 'INPUT_INVALID', 'query.limit'],
  [
    'entities.query at and during',
    () => graph.entities.query({ at: new Date(), during: {} }),
    'INPUT_INVALID',
    'query.during',
  ],
  [
    'entities.query during',
    () => graph.entities.query({ during: { from: '2025-01-01', to: '2024-01-01' } }),
    'INPUT_INVALID',
    'query.during.to',
  ],
  [
    'entities.query properties',
    () => graph.entities.query({ properties: { a: '\0' } }),
    'INPUT_INVALID',
    'query.properties',
  ],
  [
    'entities.query, an unknown operator',
    () => graph.entities.query(any({ where: {} })),
    'INPUT_INVALID',
    'query.where',
  ],
  ['entities.search', () => graph.entities.search({ query: '' }), 'INPUT_INVALID', 'searches[0].query'],
  [
    'entities.search, many characters',
    () => graph.entities.search({ query: 'x'.repeat(1001) }),
    'INPUT_INVALID',
    'searches[0].query',
  ],
  [
    'entities.search weights',
    () => graph.entities.search({ query: 'x', weights: { text: -1 } }),
    'INPUT_INVALID',
    'searches[0].weights.text',
  ],
  [
    'relationships.assert',
    () => graph.relationships.assert({ ...key, objectId: randomUUID() }),
    'ENTITY_UNKNOWN',
    'relationships[0].objectId',
  ],
  [
    'relationships.assert, type',
    () => graph.relationships.assert({ ...key, type: 'a\0' }),
    'INPUT_INVALID',
    'relationships[0].type',
  ],
  [
    'relationships.assert, many',
    () => graph.relationships.assert(Array.from({ length: 1001 }, () => key)),
    'INPUT_INVALID',
    'relationships',
  ],
  [
    'relationships.correct',
    () => graph.relationships.correct({ ...key, properties: {} }),
    'RELATIONSHIP_UNKNOWN',
    'relationships[0].objectId',
  ],
  [
    'relationships.retract',
    () => graph.relationships.retract(key),
    'RELATIONSHIP_UNKNOWN',
    'relationships[0].objectId',
  ],
  [
    'relationships.of',
    () => graph.relationships.of(id, { direction: any('up') }),
    'INPUT_INVALID',
    'options.direction',
  ],
  ['relationships.get', () => graph.relationships.get(any({ subjectId: id })), 'INPUT_INVALID', 'key.type'],
  ['traverse', () => graph.traverse('x'), 'INPUT_INVALID', 'start'],
  ['traverse depth', () => graph.traverse(id, { depth: 17 }), 'INPUT_INVALID', 'options.depth'],
  ['traverse rows', () => graph.traverse(id, { rows: 0 }), 'INPUT_INVALID', 'options.rows'],
  ['traverse budget', () => graph.traverse(id, { budget: 1.5 }), 'INPUT_INVALID', 'options.budget'],
  ['traverse type', () => graph.traverse(id, { type: [] }), 'INPUT_INVALID', 'options.type'],
  [
    'episodes.record',
    () => graph.episodes.record({ id: randomUUID(), changes: [] }),
    'INPUT_INVALID',
    'episodes[0].id',
  ],
  [
    'episodes.record without an entity id',
    () => graph.episodes.record({ id: uuidv7(), changes: [any({ op: 'assert', entity: fine })] }),
    'INPUT_INVALID',
    'episodes[0].changes[0].entity.id',
  ],
  [
    'episodes.record of neither',
    () => graph.episodes.record({ id: uuidv7(), changes: [any({ op: 'assert' })] }),
    'INPUT_INVALID',
    'episodes[0].changes[0].entity',
  ],
  [
    'episodes.record, bad properties',
    () =>
      graph.episodes.record({
        id: uuidv7(),
        changes: [{ op: 'assert', entity: { id, ...fine, properties: { a: '\0' } } }],
      }),
    'INPUT_INVALID',
    'episodes[0].changes[0].entity.properties',
  ],
  [
    'episodes.record metadata',
    () => graph.episodes.record({ id: uuidv7(), changes: [], metadata: { a: any(1n) } }),
    'INPUT_INVALID',
    'episodes[0].metadata',
  ],
  ['prune', () => graph.prune('x'), 'INPUT_INVALID', 'before'],
])('%s refuses by name', async (_, call, code, field) => {
  expect(await failure(call() as Promise<unknown>)).toMatchObject({ code, field })
})

test('nothing of all that was written', async () => {
  expect(await rows()).toEqual(before)
})

test('a bad item fails its own caller only', async () => {
  const calls = [
    graph.relationships.assert(key),
    graph.relationships.assert({ ...key, type: 'likes', objectId: randomUUID() }),
    graph.relationships.assert({ ...key, type: 'sees' }),
  ]
  const settled = await Promise.allSettled(calls)
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((await graph.relationships.of(id)).items.map(({ type }) => type)).toEqual(['knows', 'sees'])
})

test('an aborted call is not sent', async () => {
  const signal = AbortSignal.abort()
  for (const call of [
    () => graph.entities.assert(fine, { signal }),
    () => graph.entities.get(id, { signal }),
    () => graph.entities.history(id, { signal }),
    () => graph.entities.query({}, { signal }),
    () => graph.relationships.of(id, { signal }),
    () => graph.traverse(id, { signal }),
    () => graph.episodes.record({ id: uuidv7(), changes: [] }, { signal }),
  ])
    expect(await failure(call() as Promise<unknown>)).toMatchObject({ code: 'ABORTED' })
})

test.each([`'; drop table memory.entities; --`, '$1', '{"a":1}', '\\u0000', '__proto__', 'ﷺ🏳️‍🌈', 'x'.repeat(255)])(
  'hostile but legal text comes back unchanged: %#',
  async (text) => {
    const properties = JSON.parse(JSON.stringify({ text: [text] }).replace('"text"', JSON.stringify(text)))
    const made = await graph.entities.assert({ type: text, name: text, properties })
    expect(await graph.entities.get(made.id)).toMatchObject({ type: text, name: text, properties })
    await graph.relationships.assert({ subjectId: made.id, type: text, objectId: made.id })
    expect((await graph.relationships.of(made.id, { type: text })).items).toMatchObject([{ type: text }])
    expect((await graph.entities.query({ type: text })).items.length).toBe(1)
  },
)
