import { randomUUID } from 'node:crypto'
import type { KnowledgeGraph, NewEpisode } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()

async function newGraph(): Promise<KnowledgeGraph & { tenant: string }> {
  const tenant = `t-${randomUUID()}`
  await fleet.tenants.create({ id: tenant })
  return { ...fleet.tenant(tenant).memory.graph, tenant }
}

const JAN = '2025-01-01T00:00:00.000000Z'
const JUN = '2025-06-01T00:00:00.000000Z'
const DEC = '2025-12-01T00:00:00.000000Z'

/** An entity of that type that has always been there. */
async function entity(graph: KnowledgeGraph, name: string, type = 'person'): Promise<string> {
  return (await graph.entities.assert({ type, name })).id
}

describe('the four ways to ask', async () => {
  const graph = await newGraph()
  const { id, recordedAt } = await graph.entities.assert({
    type: 'service',
    name: 'billing',
    properties: { owner: 'ada', tier: 1 },
    validFrom: JAN,
  })
  const corrected = await graph.entities.correct({
    id,
    properties: { owner: 'grace', tier: null as never },
    validFrom: JUN,
  })
  const owner = async (at: string, knownAt?: string) =>
    (await graph.entities.get(id, { at, ...(knownAt && { knownAt }) }))?.properties.owner

  test('current', async () => {
    expect(await graph.entities.get(id)).toEqual({
      id,
      type: 'service',
      name: 'billing',
      properties: { owner: 'grace' },
      validFrom: JUN,
      validTo: null,
      recordedAt: corrected.recordedAt,
      supersededAt: null,
      episodeId: null,
    })
  })

  test('at a valid time', async () => {
    expect(await owner('2025-03-01')).toBe('ada')
    expect(await owner(JUN)).toBe('grace')
    expect(await owner('2025-05-31T23:59:59.999999Z')).toBe('ada')
    expect(await owner('2024-12-31')).toBeUndefined()
  })

  test('as it was known', async () => {
    expect(await owner(DEC, recordedAt)).toBe('ada')
    expect(await owner(DEC, corrected.recordedAt)).toBe('grace')
    expect(await owner(DEC, '2020-01-01')).toBeUndefined()
    // What a plain get would have answered at that moment.
    expect((await graph.entities.get(id, { knownAt: recordedAt }))?.properties).toEqual({ owner: 'ada', tier: 1 })
  })

  test('history: nothing was overwritten', async () => {
    const { items, next } = await graph.entities.history(id)
    expect(next).toBeUndefined()
    expect(
      items.map(({ properties, validFrom, validTo, supersededAt }) => [
        properties.owner,
        validFrom,
        validTo,
        supersededAt,
      ]),
    ).toEqual([
      ['ada', JAN, null, corrected.recordedAt],
      ['ada', JAN, JUN, null],
      ['grace', JUN, null, null],
    ])
    const first = await graph.entities.history(id, { limit: 2 })
    const second = await graph.entities.history(id, { limit: 2, after: first.next as string })
    expect([...first.items, ...second.items]).toEqual(items)
    expect(second.next).toBeUndefined()
  })

  test('diff', async () => {
    const { before, after, differences } = await graph.entities.diff(id, { at: JAN }, { at: DEC })
    expect([before?.properties, after?.properties]).toEqual([{ owner: 'ada', tier: 1 }, { owner: 'grace' }])
    expect(differences).toEqual([
      { path: ['properties', 'owner'], before: 'ada', after: 'grace' },
      { path: ['properties', 'tier'], before: 1, after: undefined },
    ])
    const none = await graph.entities.diff(id, { at: '2000-01-01' })
    expect(none.before).toBeUndefined()
    expect(none.differences.map(({ path }) => path.join('.'))).toEqual(['type', 'name', 'properties.owner'])
  })
})

describe('entities', () => {
  test('what is believed already is not recorded again, and neighbours that say the same are one', async () => {
    const graph = await newGraph()
    const fact = { id: randomUUID(), type: 'person', name: 'Ada' }
    expect((await graph.entities.assert({ ...fact, validFrom: JAN, validTo: JUN })).changed).toBe(true)
    expect((await graph.entities.assert({ ...fact, validFrom: JAN, validTo: '2025-03-01' })).changed).toBe(false)
    await graph.entities.assert({ ...fact, validFrom: JUN, validTo: DEC })
    expect(await graph.entities.get(fact.id, { at: JUN })).toMatchObject({ validFrom: JAN, validTo: DEC })
    expect((await graph.entities.history(fact.id)).items).toHaveLength(2)
  })

  test('several of one call apply one after the other, each with a time of its own', async () => {
    const graph = await newGraph()
    const id = randomUUID()
    const changed = await graph.entities.assert(['a', 'b', 'b', 'c'].map((name) => ({ id, type: 'person', name })))
    expect(changed.map((one) => one.changed)).toEqual([true, true, false, true])
    const times = changed.map(({ recordedAt }) => recordedAt)
    expect([...new Set(times)].sort()).toEqual(times)
    for (const [i, name] of ['a', 'b', 'b', 'c'].entries()) {
      expect(await graph.entities.get(id, { knownAt: times[i] as string })).toMatchObject({ name })
    }
  })

  test('retracting a part leaves the rest, and nothing of it is forgotten', async () => {
    const graph = await newGraph()
    const { id, recordedAt } = await graph.entities.assert({ type: 'person', name: 'Ada' })
    await graph.entities.retract({ id, validFrom: JAN, validTo: JUN })
    expect(await graph.entities.get(id, { at: '2025-03-01' })).toBeUndefined()
    expect(await graph.entities.get(id, { at: '2024-03-01' })).toMatchObject({ validFrom: null, validTo: JAN })
    expect(await graph.entities.get(id, { at: JUN })).toMatchObject({ validFrom: JUN, validTo: null })
    expect(await graph.entities.get(id, { at: '2025-03-01', knownAt: recordedAt })).toMatchObject({ name: 'Ada' })
    expect((await graph.entities.retract({ id, validFrom: JAN, validTo: JUN })).changed).toBe(false)
  })

  test('in a transaction each statement has its own time', async () => {
    const graph = await newGraph()
    const id = randomUUID()
    const [one, two] = await fleet
      .tenant(graph.tenant)
      .transaction(async ({ memory }) => [
        await memory.graph.entities.assert({ id, type: 'person', name: 'one' }),
        await memory.graph.entities.assert({ id, type: 'person', name: 'two' }),
      ])
    expect((two?.recordedAt ?? '') > (one?.recordedAt ?? '')).toBe(true)
    expect(await graph.entities.get(id, { knownAt: one?.recordedAt as string })).toMatchObject({ name: 'one' })
    expect((await graph.entities.get([id, randomUUID()])).map((found) => found?.name)).toEqual(['two', undefined])
  })

  test('when the clock stands still or goes back, times go on', async () => {
    const graph = await newGraph()
    const { id } = await graph.entities.assert({ type: 'person', name: 'one' })
    await sql(fleet, `update memory.entities set changed_at = '2100-01-01' where tenant_id = $1`, [graph.tenant])
    const { recordedAt } = await graph.entities.assert({ id, type: 'person', name: 'two' })
    expect(recordedAt).toBe('2100-01-01T00:00:00.000001Z')
    const other = await entity(graph, 'other')
    const link = await graph.relationships.assert({ subjectId: id, type: 'knows', objectId: other })
    expect(link.recordedAt).toBe('2100-01-01T00:00:00.000002Z')
    const gone = await graph.entities.retract([{ id, detach: true }, { id: other }])
    expect(gone.map((one) => one.recordedAt >= link.recordedAt)).toEqual([true, true])
  })

  test('querying pages through both times', async () => {
    const graph = await newGraph()
    const start = (await graph.entities.assert({ type: 'team', name: 'zero' })).recordedAt
    const services = await graph.entities.assert(
      Array.from({ length: 25 }, (_, i) => ({
        type: 'service',
        name: `s${i}`,
        properties: { even: i % 2 === 0, team: { name: `t${i % 5}` } },
        validFrom: i < 20 ? JAN : DEC,
      })),
    )
    const last = services.at(-1)?.recordedAt as string
    await graph.entities.retract({ id: services[0]?.id as string })
    const ids = async (query: Parameters<typeof graph.entities.query>[0]) => {
      const found: string[] = []
      for (let after: string | undefined; ; ) {
        const { items, next } = await graph.entities.query({ limit: 7, ...query, ...(after && { after }) })
        found.push(...items.map(({ name }) => name))
        if (next === undefined) return found
        after = next
      }
    }
    expect(await ids({ type: 'service', at: JUN })).toHaveLength(19)
    expect(await ids({ type: 'service', at: JUN, knownAt: last })).toHaveLength(20)
    expect(await ids({ type: 'service' })).toHaveLength(24)
    expect(await ids({})).toHaveLength(25)
    expect(await ids({ during: { from: JAN, to: JUN } })).toHaveLength(20)
    expect(await ids({ during: {}, knownAt: start })).toEqual(['zero'])
    expect(await ids({ type: 'service', properties: { even: true, team: { name: 't0' } } })).toHaveLength(2)
    expect(await ids({ recorded: { from: start } })).toHaveLength(26)
    expect(await ids({ recorded: { to: services[0]?.recordedAt as string } })).toEqual(['zero'])
    expect(new Set(await ids({ type: 'service', during: {} })).size).toBe(24)
  })

  test('pruning forgets what was superseded, and nothing else', async () => {
    const graph = await newGraph()
    const { id } = await graph.entities.assert({ type: 'person', name: 'one' })
    const { recordedAt } = await graph.entities.assert({ id, type: 'person', name: 'two' })
    await graph.entities.assert({ id, type: 'person', name: 'three' })
    const [other] = [await entity(graph, 'other')]
    const key = { subjectId: id, type: 'knows', objectId: other }
    await graph.relationships.assert({ ...key, properties: { n: 1 } })
    await graph.relationships.assert({ ...key, properties: { n: 2 } })
    expect(await graph.prune(recordedAt)).toBe(0)
    expect(await graph.prune('2200-01-01')).toBe(3)
    expect((await graph.entities.history(id)).items.map(({ name }) => name)).toEqual(['three'])
    expect((await graph.relationships.history(key)).items.map(({ properties }) => properties)).toEqual([{ n: 2 }])
  })
})

describe('relationships', () => {
  test('need both ends over all of their time', async () => {
    const graph = await newGraph()
    const [subjectId, objectId] = [await entity(graph, 'Ada'), randomUUID()]
    await graph.entities.assert({ id: objectId, type: 'team', name: 'red', validFrom: JAN, validTo: JUN })
    await graph.entities.assert({ id: objectId, type: 'team', name: 'blue', validFrom: JUN, validTo: DEC })
    const key = { subjectId, type: 'member_of', objectId }
    const error = await failure(
      graph.relationships.assert([
        { ...key, validFrom: JAN, validTo: DEC },
        { ...key, validFrom: JAN },
      ]),
    )
    expect(error).toMatchObject({ code: 'ENTITY_UNKNOWN', field: 'relationships[1].objectId' })
    expect(await failure(graph.relationships.assert({ ...key, subjectId: randomUUID() }))).toMatchObject({
      code: 'ENTITY_UNKNOWN',
      field: 'relationships[0].subjectId',
    })
    expect((await graph.relationships.history(key)).items).toEqual([])
    expect((await graph.relationships.assert({ ...key, validFrom: JAN, validTo: DEC })).changed).toBe(true)
  })

  test('overlapping and adjacent ones with equal properties are one', async () => {
    const graph = await newGraph()
    const key = {
      subjectId: await entity(graph, 'Ada'),
      type: 'member_of',
      objectId: await entity(graph, 'red', 'team'),
    }
    const { id } = await graph.relationships.assert({ ...key, validFrom: JAN, validTo: JUN })
    await graph.relationships.assert({ ...key, validFrom: '2025-03-01', validTo: DEC })
    const { items } = await graph.relationships.of(key.subjectId, { at: JUN })
    expect(items).toMatchObject([{ id, ...key, validFrom: JAN, validTo: DEC }])
    const [made] = await sql<{ id: string }>(fleet, 'select memory.relationship_id($1, $2, $3) as id', [
      key.subjectId,
      key.type,
      key.objectId,
    ])
    expect(made?.id).toBe(id)
    await graph.relationships.assert({ ...key, validFrom: JUN, validTo: DEC, properties: { role: 'lead' } })
    expect(await graph.relationships.get(key, { at: JAN })).toMatchObject({ validTo: JUN, properties: {} })
    expect(await graph.relationships.get(key, { at: JUN })).toMatchObject({
      validTo: DEC,
      properties: { role: 'lead' },
    })
    await graph.relationships.correct({ ...key, properties: { role: null }, validFrom: JUN })
    expect(await graph.relationships.get(key, { at: JUN })).toMatchObject({
      validFrom: JAN,
      validTo: DEC,
      properties: {},
    })
    await graph.relationships.retract(key)
    expect(await graph.relationships.get(key, { at: JUN })).toBeUndefined()
    const unknown = { ...key, type: 'leads' }
    expect(await failure(graph.relationships.retract(unknown))).toMatchObject({ code: 'RELATIONSHIP_UNKNOWN' })
    expect(await failure(graph.relationships.correct({ ...key, properties: {} }))).toMatchObject({
      code: 'RELATIONSHIP_UNKNOWN',
      field: 'relationships[0].objectId',
    })
  })

  test('keep their ends: a retraction is refused, or takes them with it', async () => {
    const graph = await newGraph()
    const [ada, bob, red] = [await entity(graph, 'Ada'), await entity(graph, 'Bob'), await entity(graph, 'red', 'team')]
    for (const subjectId of [ada, bob])
      await graph.relationships.assert({ subjectId, type: 'in', objectId: red, validFrom: JAN })
    expect(await failure(graph.entities.retract([{ id: randomUUID() }]))).toMatchObject({
      code: 'ENTITY_UNKNOWN',
      field: 'entities[0].id',
    })
    expect(
      await failure(
        graph.entities.retract([
          { id: ada, validTo: JAN },
          { id: red, validFrom: JUN },
        ]),
      ),
    ).toMatchObject({
      code: 'ENTITY_IN_USE',
      field: 'entities[1].id',
    })
    expect(await graph.entities.get(ada, { at: '2024-01-01' })).toBeDefined()
    await graph.entities.retract({ id: red, validFrom: JUN, detach: true })
    const held = (await graph.relationships.of(red, { at: '2025-03-01' })).items
    expect(held.map(({ validFrom, validTo }) => [validFrom, validTo])).toEqual([
      [JAN, JUN],
      [JAN, JUN],
    ])
    expect((await graph.relationships.of(red, { at: JUN })).items).toEqual([])
  })

  test('are listed by direction and type, page by page', async () => {
    const graph = await newGraph()
    const hub = await entity(graph, 'hub')
    const ends = (
      await graph.entities.assert(Array.from({ length: 12 }, (_, i) => ({ type: 'person', name: `p${i}` })))
    ).map(({ id }) => id)
    await graph.relationships.assert(
      ends.map((objectId, i) => ({ subjectId: hub, type: i % 2 ? 'likes' : 'knows', objectId })),
    )
    await graph.relationships.assert(
      [...ends.slice(0, 3), hub].map((subjectId) => ({ subjectId, type: 'knows', objectId: hub })),
    )
    const list = async (options: Parameters<typeof graph.relationships.of>[1]) => {
      const found: string[] = []
      for (let after: string | undefined; ; ) {
        const { items, next } = await graph.relationships.of(hub, { limit: 5, ...options, ...(after && { after }) })
        found.push(...items.map(({ id }) => id))
        if (next === undefined) return found
        after = next
      }
    }
    expect(new Set(await list({})).size).toBe(16)
    expect(await list({})).toHaveLength(16)
    expect(await list({ direction: 'out' })).toHaveLength(13)
    expect(await list({ direction: 'in' })).toHaveLength(4)
    expect(await list({ direction: 'out', type: 'likes' })).toHaveLength(6)
    expect(await list({ knownAt: '2000-01-01' })).toEqual([])
  })
})

describe('episodes', () => {
  const alone = (): NewEpisode & { ids: string[] } => {
    const ids = [randomUUID(), randomUUID()]
    const [subjectId, objectId] = ids as [string, string]
    return {
      id: uuidv7(),
      source: 'chat',
      occurredAt: JAN,
      metadata: { turn: 3 },
      changes: [
        { op: 'assert', entity: { id: subjectId, type: 'person', name: 'Ada' } },
        { op: 'assert', entity: { id: objectId, type: 'team', name: 'red' } },
        { op: 'assert', relationship: { subjectId, type: 'in', objectId, validFrom: JAN } },
        { op: 'correct', entity: { id: subjectId, name: 'Ada Lovelace' } },
        { op: 'correct', relationship: { subjectId, type: 'in', objectId, properties: { since: 2025 } } },
        { op: 'retract', relationship: { subjectId, type: 'in', objectId, validFrom: DEC } },
      ],
      ids,
    }
  }

  test('are one moment, and idempotent', async () => {
    const graph = await newGraph()
    const { ids, ...episode } = alone()
    const first = await graph.episodes.record(episode)
    expect(first.replayed).toBe(false)
    expect(first.results.map(({ changed }) => changed)).toEqual([true, true, true, true, true, true])
    expect(await graph.episodes.record(episode)).toEqual({ ...first, replayed: true })
    const { items } = await graph.entities.history(ids[0] as string)
    // Of several changes of one moment, only the last was ever believed.
    expect(items).toMatchObject([{ name: 'Ada Lovelace', recordedAt: first.recordedAt, episodeId: episode.id }])
    const { items: relationships } = await graph.relationships.of(ids[0] as string, { at: JUN })
    expect(relationships).toMatchObject([{ properties: { since: 2025 }, validTo: DEC, episodeId: episode.id }])
    const error = await failure(graph.episodes.record({ ...episode, source: 'mail' }))
    expect(error).toMatchObject({ code: 'ID_CONFLICT', field: 'episodes[0].id' })
  })

  test('of which one fails leave nothing, and no trace of their id', async () => {
    const graph = await newGraph()
    const { ids, ...episode } = alone()
    const [subjectId] = ids as [string]
    const bad = {
      ...episode,
      changes: [
        ...episode.changes,
        { op: 'assert' as const, relationship: { subjectId, type: 'in', objectId: randomUUID() } },
      ],
    }
    const good = alone()
    const { ids: _, ...fine } = good
    const [refused, kept] = await Promise.allSettled([failure(graph.episodes.record(bad)), graph.episodes.record(fine)])
    expect(refused).toMatchObject({ value: { code: 'ENTITY_UNKNOWN', field: 'episodes[0].changes[6].objectId' } })
    expect(kept.status).toBe('fulfilled')
    expect(await graph.entities.get(subjectId)).toBeUndefined()
    expect(await graph.entities.get(good.ids[0] as string)).toBeDefined()
    expect((await graph.episodes.record(episode)).replayed).toBe(false)
  })

  test('sent by many at once apply once', async () => {
    const graph = await newGraph()
    const { ids: _, ...episode } = alone()
    const recorded = await Promise.all(Array.from({ length: 12 }, () => graph.episodes.record(episode)))
    expect(recorded.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(new Set(recorded.map(({ recordedAt }) => recordedAt)).size).toBe(1)
    const [twice, other] = [alone(), alone()].map(({ ids: _, ...one }) => one)
    const many = await graph.episodes.record([twice, other, twice] as NewEpisode[])
    expect(many.map(({ replayed }) => replayed)).toEqual([false, false, true])
  })

  test('of an id from long ago are refused', async () => {
    const graph = await newGraph()
    const old = uuidv7({ msecs: Date.now() - 400 * 86_400_000 })
    expect(await failure(graph.episodes.record({ id: old, changes: [] }))).toMatchObject({
      code: 'ID_OUT_OF_WINDOW',
      field: 'episodes[0].id',
    })
  })
})

test('another tenant sees nothing of it', async () => {
  const graph = await newGraph()
  const { id } = await graph.entities.assert({ type: 'person', name: 'Ada' })
  const other = await newGraph()
  expect(await other.entities.get(id)).toBeUndefined()
  expect((await other.entities.history(id)).items).toEqual([])
  expect(await failure(other.entities.retract({ id }))).toMatchObject({ code: 'ENTITY_UNKNOWN' })
  expect(await failure(other.relationships.assert({ subjectId: id, type: 'x', objectId: id }))).toMatchObject({
    code: 'ENTITY_UNKNOWN',
  })
  expect(await other.entities.search({ query: 'Ada' })).toEqual([])
})
