import { randomUUID } from 'node:crypto'
import { isFleetError, openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, sql } from '../setup/index.js'

const database = await createTestDatabase()
// Two fleets where there is a server, so that batches meet in the database.
const first = await openFleet(database.options)
afterFile(() => first.close())
const fleets = [first]
if (!first.isEmbedded) {
  const second = await openFleet(database.options)
  afterFile(() => second.close())
  fleets.push(second)
}
await first.tenants.create({ id: 'acme' })
const graphs = fleets.map((fleet) => fleet.tenant('acme').memory.graph)
const graphOf = (n: number) => graphs[n % graphs.length] as (typeof graphs)[number]

/** Whole numbers below a bound, the same for the same seed. */
function pick(seed: number): (below: number) => number {
  let state = (seed + 1) * 0x9e3779b1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

test('concurrent assertions of a few entities: each version was believed until the next, none is lost', async () => {
  const ids = Array.from({ length: 5 }, () => randomUUID())
  const changed = await Promise.all(
    Array.from({ length: 18 }, async (_, writer) => {
      const random = pick(writer)
      const mine: { id: string; name: string; recordedAt: string }[] = []
      for (let i = 0; i < 12; i++) {
        // In no order, so that a lock taken in the caller's order would deadlock.
        const chosen = [ids[random(5)], ids[random(5)], ids[random(5)]] as string[]
        const made = await graphOf(writer).entities.assert(
          chosen.map((id, n) => ({ id, type: 'counter', name: `${writer}.${i}.${n}` })),
        )
        for (const [n, one] of made.entries()) {
          expect(one.changed).toBe(true)
          mine.push({ id: one.id, name: `${writer}.${i}.${n}`, recordedAt: one.recordedAt })
        }
      }
      return mine
    }),
  )
  for (const id of ids) {
    const wanted = changed
      .flat()
      .filter((one) => one.id === id)
      .sort((a, b) => (a.recordedAt < b.recordedAt ? -1 : 1))
    const { items } = await graphOf(0).entities.history(id, { limit: 1000 })
    expect(items.map(({ name, recordedAt }) => ({ id, name, recordedAt }))).toEqual(wanted)
    expect(items.map(({ supersededAt }) => supersededAt)).toEqual([
      ...wanted.slice(1).map((one) => one.recordedAt),
      null,
    ])
  }
})

/** What must hold of current knowledge, whoever wrote it. */
const BROKEN = `
  select 'a relationship without its end' as what from memory.relationship_versions r
  cross join lateral (values (r.subject_id), (r.object_id)) as x(id)
  where r.superseded_at = 'infinity' and not coalesce((
    select range_agg(tstzrange(e.valid_from, e.valid_to)) @> tstzrange(r.valid_from, r.valid_to)
    from memory.entity_versions e
    where e.tenant_id = r.tenant_id and e.entity_id = x.id and e.superseded_at = 'infinity'), false)`

test('relationships, retractions and episodes at once neither deadlock nor leave a relationship without its end', async () => {
  const ids = Array.from({ length: 6 }, () => randomUUID())
  await graphOf(0).entities.assert(ids.map((id) => ({ id, type: 'node', name: id })))
  const refused = ['ENTITY_UNKNOWN', 'ENTITY_IN_USE', 'RELATIONSHIP_UNKNOWN']
  await Promise.all(
    Array.from({ length: 16 }, async (_, writer) => {
      const random = pick(writer + 100)
      const one = () => ids[random(ids.length)] as string
      const graph = graphOf(writer)
      const node = (id: string) => ({ id, type: 'node', name: `${id} of ${writer}` })
      const link = () => ({
        subjectId: one(),
        type: `t${random(2)}`,
        objectId: one(),
        validFrom: `2025-01-0${1 + random(9)}`,
      })
      for (let i = 0; i < 15; i++) {
        const calls = [
          () => graph.entities.assert([node(one()), node(one())]),
          () => graph.relationships.assert([link(), link()]),
          () => graph.relationships.retract(link()),
          () => graph.entities.retract({ id: one(), detach: random(2) === 0, validFrom: `2025-01-0${1 + random(9)}` }),
          () => {
            const [a, b] = [one(), one()]
            return graph.episodes.record({
              id: uuidv7(),
              changes: [
                { op: 'retract', entity: { id: a, detach: true } },
                { op: 'assert', entity: node(b) },
                { op: 'assert', entity: node(a) },
                { op: 'assert', relationship: { subjectId: a, type: 't0', objectId: b } },
              ],
            })
          },
        ]
        await calls[random(calls.length)]?.().catch((error: unknown) => {
          if (!isFleetError(error) || !refused.includes(error.code)) throw error
        })
      }
    }),
  )
  expect(await sql(first, BROKEN)).toEqual([])
  const deadlocks = await sql<{ n: number }>(
    first,
    'select deadlocks::integer as n from pg_stat_database where datname = current_database()',
  )
  expect(deadlocks[0]?.n).toBe(0)
})
