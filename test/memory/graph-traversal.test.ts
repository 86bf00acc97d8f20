import { randomUUID } from 'node:crypto'
import type { KnowledgeGraph } from 'pgfleet/memory'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet } from '../setup/index.js'

const fleet = await openTestFleet()

async function newGraph(): Promise<KnowledgeGraph> {
  const tenant = `t-${randomUUID()}`
  await fleet.tenants.create({ id: tenant })
  return fleet.tenant(tenant).memory.graph
}

/** Entities of those names, by name. */
async function named(graph: KnowledgeGraph, names: readonly string[]): Promise<Record<string, string>> {
  const made = await graph.entities.assert(names.map((name) => ({ type: 'node', name })))
  return Object.fromEntries(names.map((name, i) => [name, made[i]?.id as string]))
}

describe('a graph with cycles', async () => {
  const graph = await newGraph()
  const id = await named(graph, ['a', 'b', 'c', 'd', 'e'])
  const link = (from: string, type: string, to: string, period = {}) => ({
    subjectId: id[from] as string,
    type,
    objectId: id[to] as string,
    ...period,
  })
  await graph.relationships.assert([
    link('a', 'calls', 'b'),
    link('b', 'calls', 'c'),
    link('c', 'calls', 'a'),
    link('a', 'owns', 'c', { validFrom: '2025-01-01' }),
    link('c', 'calls', 'd'),
    link('d', 'calls', 'd'),
    link('e', 'calls', 'd'),
  ])
  const reach = async (start: string, options = {}) => {
    const { reached, truncated } = await graph.traverse(id[start] as string, { depth: 9, at: '2025-06-01', ...options })
    expect(truncated).toBe(false)
    return Object.fromEntries(reached.map(({ entity, depth }) => [entity.name, depth]))
  }

  test('each is reached once, by a shortest path', async () => {
    expect(await reach('a')).toEqual({ b: 1, c: 1, d: 2 })
    expect(await reach('a', { at: '2024-06-01' })).toEqual({ b: 1, c: 2, d: 3 })
    expect(await reach('a', { depth: 1, at: '2024-06-01' })).toEqual({ b: 1 })
    expect(await reach('a', { type: 'calls' })).toEqual({ b: 1, c: 2, d: 3 })
    expect(await reach('a', { type: ['owns', 'leads'] })).toEqual({ c: 1 })
    expect(await reach('d')).toEqual({})
    expect(await reach('d', { direction: 'in' })).toEqual({ c: 1, e: 1, b: 2, a: 2 })
    expect(await reach('e', { direction: 'both', depth: 2 })).toEqual({ d: 1, c: 2 })
    expect(await reach('a', { knownAt: '2000-01-01' })).toEqual({})
  })

  test('the path and the last relationship are told', async () => {
    const { reached } = await graph.traverse(id.a as string, { depth: 3, at: '2024-06-01' })
    const last = reached.find(({ entity }) => entity.name === 'd')
    expect(last?.path).toEqual([id.a, id.b, id.c, id.d])
    expect(last?.via).toMatchObject({ type: 'calls', direction: 'out' })
    expect(last?.entity).toMatchObject({ id: id.d, type: 'node', validFrom: null, supersededAt: null })
  })

  test('several at once do not mix', async () => {
    const found = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => reach(name)))
    expect(found.map((one) => Object.keys(one).length)).toEqual([3, 3, 3, 0, 1])
  })

  test('an unknown start is refused', async () => {
    expect(await failure(graph.traverse(randomUUID()))).toMatchObject({ code: 'ENTITY_UNKNOWN', field: 'id' })
  })
})

describe('hubs', async () => {
  const graph = await newGraph()
  const names = Array.from({ length: 300 }, (_, i) => `n${i}`)
  const id = await named(graph, ['hub', ...names])
  // Four relationships to each, so that a cut by rows has to look past those that lead to the same.
  for (const type of ['a', 'b', 'c', 'd']) {
    await graph.relationships.assert(
      names.map((name) => ({ subjectId: id.hub as string, type, objectId: id[name] as string })),
    )
  }
  await graph.relationships.assert(
    names.slice(1).map((name) => ({ subjectId: id.n0 as string, type: 'e', objectId: id[name] as string })),
  )

  test.each([1, 2, 31, 299, 300, 301])('of 300, at most %i are returned, and more are told of', async (rows) => {
    const { reached, truncated } = await graph.traverse(id.hub as string, { depth: 1, rows })
    expect(reached).toHaveLength(Math.min(rows, 300))
    expect(new Set(reached.map(({ entity }) => entity.id)).size).toBe(reached.length)
    expect(truncated).toBe(rows < 300)
  })

  test('a traversal that is full goes no deeper', async () => {
    const { reached, truncated } = await graph.traverse(id.n0 as string, { depth: 16, rows: 10, direction: 'both' })
    expect([reached.length, truncated]).toEqual([10, true])
    expect(reached.every(({ depth }) => depth === 1)).toBe(true)
  })

  test('a spent budget is an error that says so', async () => {
    const error = await failure(graph.traverse(id.hub as string, { budget: 1199 }))
    expect(error).toMatchObject({ code: 'TRAVERSAL_BUDGET_SPENT', field: 'budget', retryable: false })
    expect(error.message).toContain('1199')
    expect((await graph.traverse(id.hub as string, { budget: 1200 })).reached).toHaveLength(300)
  })
})

describe('search', async () => {
  const graph = await newGraph()
  await graph.entities.assert([
    {
      type: 'person',
      name: 'Ada Lovelace',
      properties: { about: 'wrote programs for the analytical engine', born: 1815 },
    },
    {
      type: 'person',
      name: 'Grace Hopper',
      properties: { about: 'wrote the first compiler', nested: { rank: 'rear admiral' } },
    },
    { type: 'service', name: 'billing-api', properties: { about: 'charges customers', owner: 'Ada' } },
    { type: 'service', name: 'search-api', properties: { about: 'indexes documents' }, validTo: '2020-01-01' },
    { type: 'band', name: 'The Who' },
  ])
  const names = async (query: string, options = {}) =>
    (await graph.entities.search({ query, ...options })).map(({ entity }) => entity.name)

  test('finds by name, by misspelt name, by what the properties say', async () => {
    expect((await names('lovelace'))[0]).toBe('Ada Lovelace')
    expect((await names('Lovlace'))[0]).toBe('Ada Lovelace')
    expect((await names('Grace Hoper'))[0]).toBe('Grace Hopper')
    expect((await names('compilers'))[0]).toBe('Grace Hopper')
    expect((await names('customer charge'))[0]).toBe('billing-api')
    expect((await names('admiral'))[0]).toBe('Grace Hopper')
    expect((await names('1815'))[0]).toBe('Ada Lovelace')
    expect((await names('The Who'))[0]).toBe('The Who')
    expect(await names('zzzzqqqq')).toEqual([])
    expect(await names('the')).not.toContain('Grace Hopper')
  })

  test('one that both rankings know comes before those that one knows', async () => {
    const found = await graph.entities.search({ query: 'ada' })
    expect(found.map(({ entity }) => entity.name)).toEqual(['Ada Lovelace', 'billing-api'])
    expect(found[0]?.score).toBeCloseTo(2 / 61)
    const [byText, byName] = await graph.entities.search([
      { query: 'ada', weights: { name: 0 } },
      { query: 'ada', weights: { text: 0 } },
    ])
    expect([byText?.length, byName?.length]).toEqual([2, 1])
  })

  test('keeps to a type, a limit, what is valid, and what is believed', async () => {
    expect(await names('ada', { type: 'service' })).toEqual(['billing-api'])
    expect(await names('wrote', { limit: 1 })).toHaveLength(1)
    expect(await names('documents')).toEqual([])
    expect(await names('documents', { at: '2019-01-01' })).toEqual(['search-api'])
    const [band] = await graph.entities.search({ query: 'The Who' })
    await graph.entities.correct({ id: band?.entity.id as string, name: 'The Rest' })
    expect(await names('Who')).toEqual([])
  })

  test.each([
    `'`,
    `'; drop table memory.entities; --`,
    '!a & (b | !c)',
    '% _ \\',
    'a:* <-> b',
    '\u0001',
    '"',
    '🏳️‍🌈',
    '   ',
    '&',
    'x'.repeat(1000),
  ])('takes any text for words: %#', async (query) => {
    expect(Array.isArray(await graph.entities.search({ query }))).toBe(true)
  })
})
