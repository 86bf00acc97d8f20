import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Condition, Json, NewVector, VectorSearchOptions } from 'pgfleet/memory'
import { notesOn } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { beforeAll, describe, expect, test } from 'vitest'
import { conditionHolds } from '../learning/reference-condition.js'
import { cosine, direction, failure, newTenant, SMALL, sql, useVectorFleet } from './vector-support.js'

const fleet = useVectorFleet()
type Tenant = Awaited<ReturnType<typeof newTenant>>

const fresh = async () => (await newTenant(fleet())).memory.vectors
const axis = (...components: number[]) => [...components, ...Array<number>(SMALL - components.length).fill(0)]
const ids = (found: readonly { id: string }[]) => found.map(({ id }) => id)

describe('keeping', () => {
  test('a vector comes back as it was kept', async () => {
    const vectors = await fresh()
    const id = randomUUID()
    const eventTime = new Date('2025-03-01T12:00:00Z')
    const given = {
      id,
      embedding: axis(0.25, -1.5, 3),
      metadata: { a: [1, { b: null }] },
      content: 'Some text',
      eventTime,
    }
    expect(await vectors.upsert(given)).toEqual({ id, created: true })
    expect(await vectors.get({ id })).toMatchObject({ ...given, scope: 'default', expiresAt: null })
    expect(await vectors.get({ id: randomUUID() })).toBeUndefined()
    expect(await vectors.get({ id, scope: 'elsewhere' })).toBeUndefined()
  })

  test('an upsert replaces the whole, and keeps when it was created', async () => {
    const vectors = await fresh()
    const { id } = await vectors.upsert({ embedding: axis(1), metadata: { a: 1 }, content: 'old' })
    const before = await vectors.get({ id })
    expect(await vectors.upsert({ id, embedding: axis(0, 1), metadata: { b: 2 } })).toEqual({ id, created: false })
    const after = await vectors.get({ id })
    expect(after).toMatchObject({
      embedding: axis(0, 1),
      metadata: { b: 2 },
      content: null,
      createdAt: before?.createdAt,
    })
    expect(after?.updatedAt.getTime()).toBeGreaterThan(before?.updatedAt.getTime() ?? 0)
    expect(await vectors.stats()).toMatchObject([{ scope: 'default', dimensions: SMALL, vectors: 1 }])
  })

  test('of one id twice in a call the last counts; scopes and dimensions keep ids apart', async () => {
    const vectors = await fresh()
    const id = randomUUID()
    await vectors.upsert([
      { id, embedding: axis(1) },
      { id, scope: 'b', embedding: axis(2) },
      { id, embedding: axis(3) },
      { id, embedding: direction(1, 384) },
    ])
    expect((await vectors.get({ id }))?.embedding).toEqual(axis(3))
    expect((await vectors.get({ id, scope: 'b' }))?.embedding).toEqual(axis(2))
    expect((await vectors.get({ id, dimensions: 384 }))?.embedding).toHaveLength(384)
    expect(await vectors.scopes()).toEqual([
      { scope: 'b', dimensions: [SMALL] },
      { scope: 'default', dimensions: [SMALL, 384] },
    ])
    expect(await vectors.scopes({ after: 'b', limit: 1 })).toMatchObject([{ scope: 'default' }])
  })

  test.each([384, 768, 1536, 3072])('%i dimensions are there by default', async (dimensions) => {
    const vectors = await fresh()
    const many = Array.from({ length: 5 }, (_, i) => ({ id: uuidv7(), embedding: direction(i, dimensions) }))
    await vectors.upsert(many)
    for (const { id, embedding } of many) {
      const [nearest] = await vectors.search(embedding, { k: 1 })
      expect(nearest?.id).toBe(id)
      expect(nearest?.similarity).toBeCloseTo(1, 3)
      // Half precision above 2000 dimensions.
      const kept = (await vectors.get({ id }))?.embedding ?? []
      expect(kept[7]).toBeCloseTo(embedding[7] as number, dimensions > 2000 ? 3 : 7)
    }
  })

  test('concurrent upserts and deletes of the same keys neither deadlock nor lose any', async () => {
    const vectors = await fresh()
    const keys = Array.from({ length: 20 }, () => randomUUID())
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => {
        const order = i % 2 ? keys : [...keys].reverse()
        if (i % 5 === 4) return vectors.delete(order.map((id) => ({ id })))
        return vectors.upsert(order.map((id) => ({ id, embedding: direction(i), metadata: { writer: i } })))
      }),
    )
    await vectors.upsert(keys.map((id) => ({ id, embedding: axis(1) })))
    expect((await vectors.get(keys.map((id) => ({ id })))).every((one) => one?.embedding[0] === 1)).toBe(true)
  })

  test('metadata is merged or replaced, in order; what is not there says so', async () => {
    const vectors = await fresh()
    const { id } = await vectors.upsert({ embedding: axis(1), metadata: { a: 1, b: 1 } })
    const changes = [
      { id, metadata: { b: 2 } },
      { id: randomUUID(), metadata: { x: 1 } },
      { id, metadata: { c: 3 } },
    ]
    expect(await vectors.updateMetadata(changes)).toEqual([true, false, true])
    expect((await vectors.get({ id }))?.metadata).toEqual({ a: 1, b: 2, c: 3 })
    expect(await vectors.updateMetadata({ id, metadata: { only: true }, mode: 'replace' })).toBe(true)
    expect(await vectors.get({ id })).toMatchObject({ metadata: { only: true }, embedding: axis(1) })
  })

  test('delete and deleteScope remove what they name, and count it', async () => {
    const vectors = await fresh()
    const kept = await vectors.upsert(['a', 'a', 'b'].map((scope, i) => ({ scope, embedding: direction(i) })))
    const [first, second, third] = kept.map(({ id }) => id) as [string, string, string]
    expect(
      await vectors.delete([
        { id: first, scope: 'a' },
        { id: first, scope: 'b' },
      ]),
    ).toEqual([true, false])
    expect(await vectors.deleteScope('a')).toBe(1)
    expect(await vectors.deleteScope('a')).toBe(0)
    expect(ids(await vectors.search(axis(1)))).toEqual([third])
    expect(await vectors.get({ id: second, scope: 'a' })).toBeUndefined()
  })

  test('what has expired is gone for all operations, and an upsert starts it anew', async () => {
    const tenant = await newTenant(fleet())
    const { vectors } = tenant.memory
    const id = randomUUID()
    await vectors.upsert({ id, embedding: axis(1), content: 'ephemeral words', ttlSeconds: 3600, metadata: { a: 1 } })
    expect((await vectors.get({ id }))?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_500_000)
    const expire = () =>
      sql(
        fleet(),
        `update memory.vectors_${SMALL} set expires_at = now() - interval '1 s', created_at = now() - interval '1 day' where tenant_id = $1`,
        [tenant.id],
      )
    await expire()
    expect(await vectors.get({ id })).toBeUndefined()
    expect(await vectors.search(axis(1))).toEqual([])
    expect(await vectors.search(axis(1), { accuracy: 'exact' })).toEqual([])
    expect(await vectors.searchHybrid({ embedding: axis(1), text: 'ephemeral' })).toEqual([])
    expect(await vectors.updateMetadata({ id, metadata: { b: 1 } })).toBe(false)
    expect(await vectors.scopes()).toEqual([])
    expect(await vectors.stats()).toMatchObject([{ vectors: 0, expired: 1 }])
    expect(await vectors.upsert({ id, embedding: axis(1) })).toEqual({ id, created: true })
    expect(Date.now() - ((await vectors.get({ id }))?.createdAt.getTime() ?? 0)).toBeLessThan(3_600_000)
    await expire()
    expect(await vectors.deleteExpired()).toBe(1)
    expect(await vectors.stats()).toEqual([])
  })
})

describe('searching', () => {
  test('the nearest first, similarity is 1 - cosine distance, the threshold cuts off', async () => {
    const vectors = await fresh()
    const kept = await vectors.upsert([axis(1), axis(1, 1), axis(0, 1), axis(-1)].map((embedding) => ({ embedding })))
    const found = await vectors.search(axis(5))
    expect(ids(found)).toEqual(ids(kept))
    for (const [i, wanted] of [1, Math.SQRT1_2, 0, -1].entries()) expect(found[i]?.similarity).toBeCloseTo(wanted, 5)
    expect(await vectors.search(axis(1), { threshold: 0.5 })).toHaveLength(2)
    expect(await vectors.search(axis(1), { k: 1 })).toHaveLength(1)
    expect(found[0]).not.toHaveProperty('embedding')
    expect((await vectors.search(axis(1), { k: 1, includeEmbedding: true }))[0]?.embedding).toEqual(axis(1))
    expect(await vectors.search(new Float32Array(axis(1)), { k: 1 })).toHaveLength(1)
  })

  test('scopes, event times and creation times bound it, ranges are half-open', async () => {
    const vectors = await fresh()
    const at = (day: number) => new Date(Date.UTC(2025, 0, day))
    const given: NewVector[] = [1, 2, 3].map((day) => ({
      scope: day === 3 ? 'x' : 'y',
      embedding: axis(1, day),
      eventTime: at(day),
    }))
    await vectors.upsert([...given, { scope: 'y', embedding: axis(1) }])
    const count = async (options: VectorSearchOptions) => (await vectors.search(axis(1), options)).length
    expect(await count({})).toBe(4)
    expect(await count({ scope: 'y' })).toBe(3)
    expect(await count({ scope: 'nowhere' })).toBe(0)
    expect(await count({ eventTime: { from: at(1), to: at(3) } })).toBe(2)
    expect(await count({ eventTime: { from: at(2) } })).toBe(2)
    expect(await count({ eventTime: { to: at(2) }, scope: 'x' })).toBe(0)
    expect(await count({ createdAt: { from: new Date(Date.now() + 60_000) } })).toBe(0)
    expect(await count({ createdAt: { to: new Date(Date.now() + 60_000) }, filter: {} })).toBe(4)
  })

  test('many at once give what each gives alone', async () => {
    const vectors = await fresh()
    await vectors.upsert(Array.from({ length: 50 }, (_, i) => ({ embedding: direction(i), metadata: { n: i } })))
    const searches = Array.from({ length: 20 }, (_, i) => ({
      embedding: direction(1000 + i),
      k: 1 + (i % 3),
      ...(i % 2 ? { filter: { n: { $lt: 25 } } } : {}),
    }))
    const together = await vectors.searchMany(searches)
    for (const [i, { embedding, ...options }] of searches.entries()) {
      expect(together[i]).toEqual(await vectors.search(embedding, options))
    }
  })

  test('a filter holds as the reference says, whatever the metadata', async () => {
    const { vectors } = (await newTenant(fleet())).memory
    const key = fc.constantFrom('a', 'b', "it's", 'a.b', '{x}', '"', '\\', 'null', '0')
    const scalar: fc.Arbitrary<Json> = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom<Json>('', 'a', 'b', "'; drop table x; --", '%', 'é', null, true, 1.5, [1], { a: 1 }),
    )
    const metadata = fc.dictionary(
      key,
      fc.oneof(scalar, fc.dictionary(key, scalar, { maxKeys: 2, noNullPrototype: true })),
      { maxKeys: 3, noNullPrototype: true },
    )
    const bound = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('', 'a', 'b', "'"))
    const check = fc.oneof(
      scalar,
      ...(['$eq', '$ne'] as const).map((name) => scalar.map((value) => ({ [name]: value }))),
      ...(['$lt', '$lte', '$gt', '$gte'] as const).map((name) => bound.map((value) => ({ [name]: value }))),
      ...(['$in', '$nin'] as const).map((name) =>
        fc.array(scalar, { maxLength: 3 }).map((value) => ({ [name]: value })),
      ),
      fc.boolean().map((value) => ({ $exists: value })),
    )
    const leaf = fc.dictionary(
      fc.oneof(
        key,
        fc.tuple(key, key).map((path) => path.join('.')),
      ),
      check,
      { maxKeys: 2, noNullPrototype: true },
    )
    const filter = fc.oneof(
      leaf,
      fc
        .tuple(fc.constantFrom('$and', '$or'), fc.array(leaf, { maxLength: 3 }))
        .map(([name, parts]) => ({ [name]: parts })),
    ) as fc.Arbitrary<Condition>
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(metadata, { minLength: 1, maxLength: 8 }),
        fc.array(filter, { minLength: 1, maxLength: 6 }),
        async (rows, filters) => {
          const scope = `round ${round++}`
          const kept = await vectors.upsert(
            rows.map((metadata, i) => ({ scope, embedding: direction(i), metadata: metadata as Record<string, Json> })),
          )
          const found = await vectors.searchMany(
            filters.map((filter) => ({ embedding: axis(1), scope, k: 100, filter })),
          )
          for (const [i, filter] of filters.entries()) {
            const wanted = kept.filter((_, n) => conditionHolds(filter, rows[n] as Json)).map(({ id }) => id)
            expect(ids(found[i] ?? []).sort(), JSON.stringify(filter)).toEqual(wanted.sort())
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('k rows whenever k exist', () => {
  // A tenant of 40 and one of 1,500 among 4,000 rows, in one index that is told to give up early.
  let small: Tenant
  let large: Tenant
  const rows = new Map<string, { id: string; embedding: number[]; part: number }[]>()
  beforeAll(async () => {
    small = await newTenant(fleet())
    large = await newTenant(fleet())
    const other = await newTenant(fleet())
    for (const [tenant, count] of [
      [other, 2500],
      [large, 1500],
      [small, 40],
    ] as const) {
      const made = Array.from({ length: count }, (_, i) => ({
        id: uuidv7(),
        embedding: direction(count * 7 + i),
        part: i % 100,
      }))
      rows.set(tenant.id, made)
      for (let first = 0; first < count; first += 500) {
        await tenant.memory.vectors.upsert(
          made.slice(first, first + 500).map(({ id, embedding, part }) => ({ id, embedding, metadata: { part } })),
          { durability: 'async' },
        )
      }
    }
    await sql(
      fleet(),
      `update memory.vector_dimensions set exact_rows = 500, max_scan_tuples = 300 where dimensions = ${SMALL}`,
    )
  })

  const nearest = (tenant: Tenant, query: readonly number[], holds: (part: number) => boolean, k: number) =>
    (rows.get(tenant.id) ?? [])
      .filter(({ part }) => holds(part))
      .map(({ id, embedding }) => ({ id, similarity: cosine(embedding, query) }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, k)

  test('1,000 filtered searches: none short, and those that fell back are exact', async () => {
    let short = 0
    for (let first = 0; first < 1000; first += 50) {
      for (const tenant of [small, large]) {
        const searches = Array.from({ length: 25 }, (_, i) => {
          const part = (first + i * 3) % 100
          return {
            embedding: direction(50_000 + first + i),
            k: 10,
            filter: i % 2 ? { part } : { part: { $gte: part } },
          }
        })
        const found = await tenant.memory.vectors.searchMany(searches)
        for (const [i, { embedding, filter }] of searches.entries()) {
          const { part } = filter
          const wanted = nearest(tenant, embedding, (p) => (typeof part === 'number' ? p === part : p >= part.$gte), 10)
          if (found[i]?.length !== wanted.length) short++
          // The small tenant is always compared one by one.
          if (tenant === small) expect(ids(found[i] ?? [])).toEqual(ids(wanted))
        }
      }
    }
    expect(short).toBe(0)
  })

  test('exact is exact, for a whole tenant and every k', async () => {
    for (const k of [1, 10, 300]) {
      const query = direction(77)
      const found = await large.memory.vectors.search(query, { k, accuracy: 'exact' })
      const wanted = nearest(large, query, () => true, k)
      expect(ids(found)).toEqual(ids(wanted))
      expect(found.at(-1)?.similarity).toBeCloseTo(wanted.at(-1)?.similarity ?? 0, 5)
    }
    // More than there are.
    expect(await small.memory.vectors.search(direction(1), { k: 1000 })).toHaveLength(40)
  })

  test('balanced finds nearly all of them, and k of them', async () => {
    let hits = 0
    for (let i = 0; i < 50; i++) {
      const query = direction(90_000 + i)
      const found = await large.memory.vectors.search(query, { k: 10 })
      const wanted = new Set(ids(nearest(large, query, () => true, 10)))
      expect(found).toHaveLength(10)
      hits += found.filter(({ id }) => wanted.has(id)).length
    }
    expect(hits / 500).toBeGreaterThan(0.9)
  })
})

describe('hybrid search', () => {
  test('fuses by weighted reciprocal ranks', async () => {
    const vectors = await fresh()
    const [near, both, words] = (await vectors.upsert([
      { embedding: axis(1), content: 'nothing to see' },
      { embedding: axis(1, 0.5), content: 'deadlock database, database deadlock' },
      { embedding: axis(-1), content: 'a deadlock, some say, of one database' },
    ])) as unknown as [{ id: string }, { id: string }, { id: string }]
    const search = { embedding: axis(1), text: 'database deadlocks' }
    const found = await vectors.searchHybrid(search)
    expect(found[0]).toMatchObject({ id: both.id, vectorRank: 2 })
    const ranks = new Map(found.map((one) => [one.id, one]))
    expect(ranks.get(near.id)).toMatchObject({ vectorRank: 1, textRank: null })
    for (const { vectorRank, textRank, score } of found) {
      expect(score).toBeCloseTo((vectorRank ? 1 / (60 + vectorRank) : 0) + (textRank ? 1 / (60 + textRank) : 0), 10)
    }
    expect(ids(await vectors.searchHybrid({ ...search, weights: { vector: 0 } })).sort()).toEqual(
      [both.id, words.id].sort(),
    )
    expect(ids(await vectors.searchHybrid({ ...search, weights: { text: 0 } }))).toEqual([near.id, both.id, words.id])
    const [first] = await vectors.searchHybrid({ ...search, weights: { text: 5 }, rankConstant: 0, threshold: 0 })
    expect(first).toMatchObject({ textRank: 1 })
    // The similarity of what the words alone found is told all the same.
    expect(ranks.get(words.id)?.similarity).toBeCloseTo(-1, 5)
  })

  test('match any, phrases, scopes and filters', async () => {
    const vectors = await fresh()
    await vectors.upsert([
      { scope: 'a', embedding: axis(1), content: 'red apples', metadata: { n: 1 } },
      { scope: 'a', embedding: axis(0, 1), content: 'green apples', metadata: { n: 2 } },
      { scope: 'b', embedding: axis(0, 0, 1), content: 'red cars', metadata: { n: 3 } },
    ])
    const texts = async (more: object) =>
      (await vectors.searchHybrid({ embedding: axis(1), text: 'red apples', weights: { vector: 0 }, ...more }))
        .map(({ content }) => content)
        .sort()
    expect(await texts({})).toEqual(['red apples'])
    expect(await texts({ match: 'any' })).toEqual(['green apples', 'red apples', 'red cars'])
    expect(await texts({ match: 'any', scope: 'b' })).toEqual(['red cars'])
    expect(await texts({ match: 'any', filter: { n: { $gt: 1 } } })).toEqual(['green apples', 'red cars'])
    expect(await texts({ text: 'apples -red' })).toEqual(['green apples'])
    expect(await texts({ text: 'the' })).toEqual([])
    expect(await texts({ text: `'); drop table x; -- & | ! :* <->` })).toEqual([])
    expect(await texts({ text: `'); & | ! :* <->`, match: 'any' })).toEqual([])
  })

  test('sees nothing of other tenants', async () => {
    const [mine, theirs] = [await fresh(), await fresh()]
    await theirs.upsert({ embedding: axis(1), content: 'a secret' })
    expect(await mine.searchHybrid({ embedding: axis(1), text: 'secret' })).toEqual([])
    expect(await mine.search(axis(1), { accuracy: 'exact' })).toEqual([])
    expect(await mine.scopes()).toEqual([])
  })
})

describe('dimensions', () => {
  test('one that is not there: an error that names the command', async () => {
    const vectors = await fresh()
    const calls = [
      () => vectors.upsert([{ embedding: axis(1) }, { embedding: [1, 2, 3] }]),
      () => vectors.search([1, 2, 3]),
      () => vectors.searchHybrid({ embedding: [1, 2, 3], text: 'x' }),
    ]
    for (const call of calls) {
      const error = await failure(call())
      expect(error).toMatchObject({ code: 'VECTOR_DIMENSION_UNKNOWN', retryable: false })
      expect(error.message).toContain('pgfleet vectors add-dimension 3')
      expect(error.field).toMatch(/^(vectors\[1\]|searches\[0\])\.embedding$/)
    }
    expect(await vectors.stats()).toEqual([])
  })

  test.each([1, 2001, 4000])('%i are added, used and built anew', async (size) => {
    expect(await fleet().vectorDimensions.add(size, { m: 4, efConstruction: 16 })).toBe(true)
    expect(await fleet().vectorDimensions.add(size)).toBe(false)
    const vectors = await fresh()
    const { id } = await vectors.upsert({ embedding: direction(3, size) })
    await fleet().vectorDimensions.rebuild(size, { m: 8, memoryMb: 64 })
    expect(ids(await vectors.search(direction(3, size)))).toEqual([id])
    const found = (await fleet().vectorDimensions.list()).find(({ dimensions }) => dimensions === size)
    expect(found).toMatchObject({ elementType: size > 2000 ? 'halfvec' : 'vector', m: 8, efConstruction: 16 })
    const [index] = await sql<{ indexdef: string }>(fleet(), `select indexdef from pg_indexes where indexname = $1`, [
      `vectors_${size}_embedding`,
    ])
    expect(index?.indexdef).toContain(`m='8'`)
    await sql(fleet(), `drop table memory.vectors_${size}`)
    await sql(fleet(), `delete from memory.vector_dimensions where dimensions = ${size}`)
  })

  test('what is out of range is refused', async () => {
    const { vectorDimensions } = fleet()
    for (const bad of [0, 4001, 1.5, Number.NaN]) {
      expect(await failure(vectorDimensions.add(bad))).toMatchObject({ code: 'INPUT_INVALID', field: 'dimensions' })
    }
    expect(await failure(vectorDimensions.add(9, { m: 1 }))).toMatchObject({
      code: 'INPUT_INVALID',
      field: 'settings.m',
    })
    expect(await failure(vectorDimensions.rebuild(9))).toMatchObject({ code: 'VECTOR_DIMENSION_UNKNOWN' })
    expect(await failure(vectorDimensions.setSearch(SMALL, { fast: 9, balanced: 8 }))).toMatchObject({
      code: 'INPUT_INVALID',
    })
  })

  test('the version of pgvector is told, with what is wrong with it', async () => {
    const { version, notes } = await fleet().vectorDimensions.extension()
    expect(version).toMatch(/^0\.\d+\.\d+/)
    expect(notes).toEqual(notesOn(version))
    expect(notesOn('0.7.4')).toHaveLength(4)
    expect(notesOn('0.8.1').join()).toContain('CVE-2026-3172')
    expect(notesOn('0.8.4')).toEqual([])
    expect(notesOn('0.10.0')).toEqual([])
  })

  test('pgvector before 0.8 is refused', async () => {
    await fleet().database.lend(async (connection) => {
      await connection.query('begin')
      try {
        await connection.query(`update pg_extension set extversion = '0.7.4' where extname = 'vector'`)
        await expect(connection.query('select memory.add_vector_dimension(5)')).rejects.toMatchObject({ code: 'PF021' })
      } finally {
        await connection.query('rollback')
      }
    })
  })
})
