import { randomUUID } from 'node:crypto'
import type { NewVector, Vectors } from 'pgfleet/memory'
import { beforeAll, expect, test } from 'vitest'
import { failure, newTenant, SMALL, useVectorFleet } from './vector-support.js'

const fleet = useVectorFleet()
let vectors: Vectors
const one = [1, ...Array<number>(SMALL - 1).fill(0)]
const good: NewVector = { embedding: one }
const cycle: { self?: unknown } = {}
cycle.self = cycle

beforeAll(async () => {
  vectors = (await newTenant(fleet())).memory.vectors
})

const sparse = Object.assign(new Array<number>(SMALL), { 0: 1 })
const BAD_VECTORS: [string, unknown, string][] = [
  ['no embedding', {}, 'embedding'],
  ['an embedding of text', { embedding: '[1,2]' }, 'embedding'],
  ['an empty embedding', { embedding: [] }, 'embedding'],
  ['4001 dimensions', { embedding: Array(4001).fill(1) }, 'embedding'],
  ['NaN', { embedding: [...one.slice(1), Number.NaN] }, `embedding[${SMALL - 1}]`],
  ['infinity', { embedding: [Number.POSITIVE_INFINITY, ...one.slice(1)] }, 'embedding[0]'],
  ['infinity in a Float32Array', { embedding: new Float32Array([1e39, 1]) }, 'embedding[0]'],
  ['text as a component', { embedding: ['1', ...one.slice(1)] }, 'embedding[0]'],
  ['a hole', { embedding: sparse }, 'embedding[1]'],
  ['more than single precision holds', { embedding: [1e39, ...one.slice(1)] }, 'embedding[0]'],
  ['more than half precision holds', { embedding: [70_000, ...Array(3071).fill(0)] }, 'embedding[0]'],
  ['a length of 0', { embedding: Array(SMALL).fill(0) }, 'embedding'],
  ['a length near 0', { embedding: one.map((value) => value * 1e-30) }, 'embedding'],
  ['a huge length', { embedding: one.map((value) => value * 1e30) }, 'embedding'],
  ['an id that is no UUID', { ...good, id: 'x' }, 'id'],
  ['an empty scope', { ...good, scope: '' }, 'scope'],
  ['a scope of 201 characters', { ...good, scope: 'x'.repeat(201) }, 'scope'],
  ['a NUL in the scope', { ...good, scope: 'a\0b' }, 'scope'],
  ['half of a surrogate pair', { ...good, scope: 'a\ud800' }, 'scope'],
  ['metadata that is an array', { ...good, metadata: [1] }, 'metadata'],
  ['metadata that contains itself', { ...good, metadata: cycle }, 'metadata'],
  ['metadata with a function', { ...good, metadata: { a: () => 1 } }, 'metadata'],
  ['metadata that is too long', { ...good, metadata: { a: 'x'.repeat(65_536) } }, 'metadata'],
  ['a NUL in the metadata', { ...good, metadata: { a: '\0' } }, 'metadata'],
  ['a content that is too long', { ...good, content: 'x'.repeat(65_537) }, 'content'],
  ['a NUL in the content', { ...good, content: 'a\0' }, 'content'],
  ['an invalid date', { ...good, eventTime: new Date(Number.NaN) }, 'eventTime'],
  ['a date far away', { ...good, expiresAt: new Date(8.64e15) }, 'expiresAt'],
  ['two expiries', { ...good, expiresAt: new Date(), ttlSeconds: 1 }, 'ttlSeconds'],
  ['a ttl of 0', { ...good, ttlSeconds: 0 }, 'ttlSeconds'],
  ['an unknown member', { ...good, vector: one }, 'vector'],
]

test.each(BAD_VECTORS)('a vector with %s is refused, by name, and nothing is kept', async (_, bad, field) => {
  const error = await failure(vectors.upsert([good, bad as NewVector]))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `vectors[1].${field}` })
  expect(error.message.length).toBeLessThan(400)
  expect(await vectors.stats()).toEqual([])
})

const BAD_SEARCHES: [string, object, string][] = [
  ['k of 0', { k: 0 }, 'k'],
  ['no k', { k: null }, 'k'],
  ['k of 1001', { k: 1001 }, 'k'],
  ['k of a half', { k: 1.5 }, 'k'],
  ['an unknown operator', { filter: { a: { $near: 1 } } }, 'filter.a'],
  ['an unknown operator around filters', { filter: { $not: [] } }, 'filter.$not'],
  ['a filter that is a text', { filter: '1 = 1' }, 'filter'],
  ['a filter that contains itself', { filter: cycle }, 'filter'],
  ['a filter that is too long', { filter: { a: 'x'.repeat(9000) } }, 'filter'],
  ['a NUL in the filter', { filter: { 'a\0': 1 } }, 'filter'],
  ['a threshold above 1', { threshold: 1.1 }, 'threshold'],
  ['a threshold of NaN', { threshold: Number.NaN }, 'threshold'],
  ['another accuracy', { accuracy: 'best' }, 'accuracy'],
  ['a range that ends before it begins', { eventTime: { from: new Date(2), to: new Date(1) } }, 'eventTime.to'],
  ['a range of texts', { createdAt: { from: '2025' } }, 'createdAt.from'],
  ['too many candidates', { efSearch: 1001 }, 'efSearch'],
  ['an unknown member', { limit: 3 }, 'limit'],
  ['an empty scope', { scope: '' }, 'scope'],
  ['NaN in the embedding', { embedding: [Number.NaN, ...one.slice(1)] }, 'embedding[0]'],
]

test.each(BAD_SEARCHES)('a search with %s is refused, by name', async (_, bad, field) => {
  const searches = [good, { ...good, ...bad }] as never
  const wanted = { code: 'INPUT_INVALID', field: `searches[1].${field}` }
  const error = await failure(vectors.searchMany(searches))
  expect({ code: error.code, field: error.field?.slice(0, wanted.field.length) }).toEqual(wanted)
  const texts = [
    { ...good, text: 'x' },
    { ...good, text: 'x', ...bad },
  ] as never
  expect((await failure(vectors.searchHybrid(texts as never[]))).code).toBe('INPUT_INVALID')
})

test.each([
  ['no text', { text: undefined }, 'text'],
  ['an empty text', { text: '' }, 'text'],
  ['a long text', { text: 'x'.repeat(2001) }, 'text'],
  ['a negative weight', { weights: { text: -1 } }, 'weights.text'],
  ['no weight at all', { weights: { text: 0, vector: 0 } }, 'weights'],
  ['another match', { match: 'some' }, 'match'],
  ['too many candidates', { candidates: 1001 }, 'candidates'],
  ['a negative rank constant', { rankConstant: -1 }, 'rankConstant'],
])('a hybrid search with %s is refused, by name', async (_, bad, field) => {
  const error = await failure(vectors.searchHybrid({ ...good, text: 'x', ...bad } as never))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `searches[0].${field}` })
})

test('elsewhere', async () => {
  const id = randomUUID()
  const cases: [() => Promise<unknown>, string][] = [
    [() => vectors.get({ id: 'x' }), 'keys[0].id'],
    [() => vectors.delete([{ id }, { id, dimensions: 0 }]), 'keys[1].dimensions'],
    [() => vectors.updateMetadata({ id, metadata: { a: Number.NaN } }), 'changes[0].metadata'],
    [() => vectors.updateMetadata({ id, metadata: {}, mode: 'x' as never }), 'changes[0].mode'],
    [() => vectors.deleteScope(''), 'scope'],
    [() => vectors.deleteExpired({ limit: 0 }), 'options.limit'],
    [() => vectors.stats({ scope: 'a\0' }), 'options.scope'],
    [() => vectors.scopes({ limit: 1001 }), 'options.limit'],
    [() => vectors.upsert(Array.from({ length: 501 }, () => good)), 'vectors'],
  ]
  for (const [call, field] of cases) expect(await failure(call())).toMatchObject({ code: 'INPUT_INVALID', field })
})

test.each([`'; drop table memory.vectors_8; --`, '%s %I %1$s', '$1', '\\', '"', 'ﷺ🏳️‍🌈', '\u0001\u007f', '__proto__'])(
  'hostile but legal text is text: %#',
  async (text) => {
    const metadata = { said: text, [text]: 1 }
    const { id } = await vectors.upsert({ embedding: one, scope: text, metadata, content: text })
    const said = { $in: [text], $gte: text, $lte: text }
    const options = { scope: text, filter: { said } }
    expect(await vectors.search(one, options)).toMatchObject([{ id, metadata, content: text }])
    expect(await vectors.searchHybrid({ embedding: one, text, ...options })).toHaveLength(1)
    expect(await vectors.deleteScope(text)).toBe(1)
  },
)

test('metadata that grows beyond its limit is refused, and a bad neighbour harms nobody', async () => {
  const { id } = await vectors.upsert({ embedding: one, scope: 'growing' })
  const grow = (key: string) =>
    vectors.updateMetadata({ id, scope: 'growing', metadata: { [key]: 'x'.repeat(60_000) } })
  await grow('a')
  await grow('b')
  const [failed, updated] = await Promise.allSettled([
    grow('c'),
    vectors.updateMetadata({ id, scope: 'growing', metadata: { small: 1 } }),
  ])
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'INPUT_INVALID', field: 'changes[0].metadata' } })
  expect(updated).toMatchObject({ status: 'fulfilled', value: true })
  expect(Object.keys((await vectors.get({ id, scope: 'growing' }))?.metadata ?? {})).toEqual(['a', 'b', 'small'])
})

test('an aborted call is not made', async () => {
  const signal = AbortSignal.abort()
  const calls = [
    () => vectors.search(one, { signal }),
    () => vectors.upsert(good, { signal }),
    () => vectors.stats({ signal }),
  ]
  for (const call of calls) {
    expect(await failure(call())).toMatchObject({ code: 'ABORTED' })
  }
})
