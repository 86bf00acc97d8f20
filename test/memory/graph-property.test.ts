import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { isFleetError } from 'pgfleet'
import type { EpisodeChange, GraphChange, KnowledgeGraph } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { openTestFleet, sql } from '../setup/index.js'
import {
  BitemporalModel,
  DAYS,
  type Line,
  type Link,
  Refused,
  type Span,
  stretches,
  type Value,
} from './graph-model.js'

const fleet = await openTestFleet()

/** Midnight of a day of the model. */
const dayAt = (day: number) => `2025-01-${String(day + 10).padStart(2, '0')}T00:00:00.000000Z`
const noon = (day: number) => `2025-01-${String(day + 10).padStart(2, '0')}T12:00:00Z`

const span: fc.Arbitrary<Span> = fc
  .tuple(
    fc.option(fc.integer({ min: 1, max: DAYS - 2 }), { freq: 2 }),
    fc.option(fc.integer({ min: 1, max: DAYS - 1 }), { freq: 2 }),
  )
  .map(([from, to]) => ({ from, to }))
  .filter(({ from, to }) => from === null || to === null || from < to)
const entity = fc.integer({ min: 0, max: 3 })
const link = fc.record({ subject: entity, type: fc.constantFrom('knows', 'likes'), object: entity })
const properties = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(1, 'x', true), { maxKeys: 2 })
const patch = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(1, 'x', null), { maxKeys: 2 })
const name = fc.constantFrom('Ada', 'Bob')

const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('assert' as const), entity, span, name, properties }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('correct' as const),
      entity,
      span,
      name: fc.option(name, { nil: undefined }),
      properties: patch,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('retract' as const), entity, span, detach: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('assert' as const), link, span, properties }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('correct' as const), link, span, properties: patch }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('retract' as const), link, span }) },
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

const step = fc.oneof(
  { weight: 4, arbitrary: change.map((one) => ({ changes: [one], together: false })) },
  {
    weight: 2,
    arbitrary: fc.array(change, { minLength: 1, maxLength: 5 }).map((changes) => ({ changes, together: true })),
  },
)

/** The change as the graph takes it. */
function toCall(one: Change, ids: readonly string[]): EpisodeChange {
  const period = {
    ...(one.span.from === null ? {} : { validFrom: dayAt(one.span.from) }),
    ...(one.span.to === null ? {} : { validTo: dayAt(one.span.to) }),
  }
  if ('link' in one) {
    const { subject, type, object } = one.link
    const key = { subjectId: ids[subject] as string, type, objectId: ids[object] as string, ...period }
    if (one.op === 'retract') return { op: one.op, relationship: key }
    return { op: one.op, relationship: { ...key, properties: one.properties } } as EpisodeChange
  }
  const id = ids[one.entity] as string
  if (one.op === 'retract') return { op: one.op, entity: { id, detach: one.detach, ...period } }
  const content = { id, ...(one.name && { name: one.name }), properties: one.properties, ...period }
  return { op: one.op, entity: one.op === 'assert' ? { type: 'person', ...content } : content } as EpisodeChange
}

/** Applies a change to the model, at that moment; throws what it is refused with. */
function apply(model: BitemporalModel, one: Change, recordedAt: string): boolean {
  if ('link' in one) {
    const key: Link = { subject: String(one.link.subject), type: one.link.type, object: String(one.link.object) }
    const line =
      one.op === 'assert'
        ? model.assertRelationship(key, { properties: one.properties }, one.span)
        : one.op === 'correct'
          ? model.correctRelationship(key, { properties: one.properties }, one.span)
          : model.retractRelationship(key, one.span)
    return model.setRelationship(key, line, recordedAt)
  }
  const id = String(one.entity)
  if (one.op === 'assert')
    return model.setEntity(
      id,
      model.assertEntity(id, { type: 'person', name: one.name, properties: one.properties }, one.span),
      recordedAt,
    )
  if (one.op === 'correct') {
    const changed = { ...(one.name && { name: one.name }), properties: one.properties }
    return model.setEntity(id, model.correctEntity(id, changed as Partial<Value>, one.span), recordedAt)
  }
  const { line, detached } = model.retractEntity(id, one.span, one.detach)
  for (const key of detached) model.setRelationship(key, model.retractRelationship(key, one.span), recordedAt)
  return model.setEntity(id, line, recordedAt)
}

/** A copy to try on, since an episode applies whole or not at all. */
const copyOf = (model: BitemporalModel) => structuredCloneOf(model)
function structuredCloneOf(model: BitemporalModel): BitemporalModel {
  const copy = new BitemporalModel()
  const replay = <T>(past: readonly { recordedAt: string; line: Line }[], set: (line: Line, at: string) => T) => {
    for (const { line, recordedAt } of past) set(line, recordedAt)
  }
  for (const [id, track] of model.entities) replay(track.past, (line, at) => copy.setEntity(id, line, at))
  for (const { link, track } of model.relationships.values())
    replay(track.past, (line, at) => copy.setRelationship(link, line, at))
  return copy
}

/** Sends one change by the method of its kind. */
async function send(graph: KnowledgeGraph, call: EpisodeChange): Promise<GraphChange> {
  if ('entity' in call) return await (graph.entities[call.op] as (entity: unknown) => Promise<GraphChange>)(call.entity)
  return await (graph.relationships[call.op] as (relationship: unknown) => Promise<GraphChange>)(call.relationship)
}

/** Every answer at a point of both times, and the stretches, compared with the model's. */
async function expectSame(
  graph: KnowledgeGraph,
  model: BitemporalModel,
  ids: readonly string[],
  knownAt: string | undefined,
  day: number,
) {
  const point = { at: noon(day), ...(knownAt && { knownAt }) }
  const found = await graph.entities.get(ids, point)
  for (const [i, one] of found.entries()) {
    const line = model.entity(String(i), knownAt)
    const wanted = line[day]
    expect(one && { type: one.type, name: one.name, properties: one.properties }).toEqual(wanted)
    if (one === undefined) continue
    const stretch = stretches(line).find(({ from, to }) => day >= (from ?? 0) && day < (to ?? DAYS))
    expect([one.validFrom, one.validTo]).toEqual(
      [stretch?.from, stretch?.to].map((bound) => (bound == null ? null : dayAt(bound))),
    )
  }
  const start = day % ids.length
  const { reached, truncated } = await graph
    .traverse(ids[start] as string, { ...point, depth: 3 })
    .catch((error: unknown) => {
      if (isFleetError(error, 'ENTITY_UNKNOWN') && !model.knows(String(start))) return { reached: [], truncated: false }
      throw error
    })
  expect(truncated).toBe(false)
  const wanted = [...model.reach(String(start), day, knownAt, 3)].map(([id, depth]) => [ids[Number(id)], depth])
  expect(reached.map(({ entity, depth }) => [entity.id, depth]).sort()).toEqual(wanted.sort())
  for (const { path, depth } of reached) expect([path.length, new Set(path).size]).toEqual([depth + 1, depth + 1])
}

/** What must hold of the rows themselves, whatever was done. */
const BROKEN = `
  with e as (select *, ctid as place from memory.entity_versions where tenant_id = $1), r as (select *, ctid as place from memory.relationship_versions where tenant_id = $1)
  select 'two entity versions believed at once' as what from e a join e b on a.entity_id = b.entity_id and a.place <> b.place
    and a.valid_from < b.valid_to and b.valid_from < a.valid_to and a.recorded_at < b.superseded_at and b.recorded_at < a.superseded_at
  union all
  select 'two relationship versions believed at once' from r a join r b on a.relationship_id = b.relationship_id and a.place <> b.place
    and a.valid_from < b.valid_to and b.valid_from < a.valid_to and a.recorded_at < b.superseded_at and b.recorded_at < a.superseded_at
  union all
  select 'neighbours that say the same' from e a join e b on a.entity_id = b.entity_id and a.valid_to = b.valid_from
    and a.superseded_at = 'infinity' and b.superseded_at = 'infinity'
    and (a.entity_type, a.entity_name, a.properties) = (b.entity_type, b.entity_name, b.properties)
  union all
  select 'a relationship without its end' from r
    cross join lateral (values (r.subject_id), (r.object_id)) as x(id)
    cross join lateral (select unnest(array[r.recorded_at, r.superseded_at - interval '1 microsecond']) as moment) m
    where isfinite(m.moment) and not coalesce((
      select range_agg(tstzrange(e.valid_from, e.valid_to)) @> tstzrange(r.valid_from, r.valid_to) from e
      where e.entity_id = x.id and e.recorded_at <= m.moment and e.superseded_at > m.moment), false)`

const ALWAYS = { from: null, to: null }
const ADA = { entity: 0, name: 'Ada', properties: {} }
const NEVER_BELIEVED = [
  {
    changes: [
      { op: 'assert', ...ADA, span: { from: 1, to: null } },
      { op: 'retract', entity: 0, span: ALWAYS, detach: false },
    ],
    together: true,
  },
  {
    changes: [
      { op: 'retract', entity: 0, span: ALWAYS, detach: false },
      { op: 'assert', ...ADA, span: ALWAYS },
    ],
    together: true,
  },
  { changes: [{ op: 'correct', entity: 0, span: ALWAYS, name: undefined, properties: {} }], together: false },
] as never

const CODES: readonly string[] = ['ENTITY_UNKNOWN', 'RELATIONSHIP_UNKNOWN', 'ENTITY_IN_USE']

test('any history answers every question as the model does', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25, size: 'large' }),
      fc.infiniteStream(fc.nat()),
      async (steps, dice) => {
        const tenant = `t-${randomUUID()}`
        await fleet.tenants.create({ id: tenant })
        const { graph } = fleet.tenant(tenant).memory
        const ids = Array.from({ length: 4 }, () => randomUUID())
        let model = new BitemporalModel()
        const moments: string[] = []
        const roll = (below: number) => (dice.next().value as number) % below
        for (const { changes, together } of steps) {
          const calls = changes.map((one) => toCall(one, ids))
          // Tried first on a copy, at a moment after all: whether it is refused does not depend on the moment.
          let refusal: string | undefined
          const trial = copyOf(model)
          try {
            for (const one of changes) apply(trial, one, '9')
          } catch (error) {
            if (!(error instanceof Refused)) throw error
            refusal = error.code
          }
          const sent = together
            ? graph.episodes.record({ id: uuidv7(), changes: calls })
            : send(graph, calls[0] as EpisodeChange).then((one) => ({ results: [one], recordedAt: one.recordedAt }))
          const outcome = await sent.catch((error: unknown) => error)
          if (refusal !== undefined) {
            // Of several that are refused, which is told is not said.
            expect(
              isFleetError(outcome) && (changes.length > 1 ? CODES.includes(outcome.code) : outcome.code === refusal),
            ).toBe(true)
            continue
          }
          if (outcome instanceof Error) throw outcome
          const { results, recordedAt } = outcome as Awaited<typeof sent>
          const next = copyOf(model)
          const wanted = changes.map((one) => apply(next, one, recordedAt))
          expect(results.map(({ changed }) => changed)).toEqual(wanted)
          model = next
          if (moments.at(-1) !== undefined) expect(recordedAt > (moments.at(-1) as string)).toBe(true)
          moments.push(recordedAt)
          await expectSame(graph, model, ids, undefined, roll(DAYS))
          await expectSame(graph, model, ids, moments[roll(moments.length)], roll(DAYS))
        }
        // What was believed is still what was believed, at every moment and day; a sample of them.
        for (let i = 0; i < 6 && moments.length > 0; i++)
          await expectSame(graph, model, ids, moments[roll(moments.length)], roll(DAYS))
        for (const [i, id] of ids.entries()) {
          const { items } = await graph.entities.query({ during: {}, limit: 1000 })
          const line = stretches(model.entity(String(i))).map(({ from, to, value }) => [
            from === null ? null : dayAt(from),
            to === null ? null : dayAt(to),
            value.name,
          ])
          const believed = items.filter((one) => one.id === id).map((one) => [one.validFrom, one.validTo, one.name])
          expect(believed.sort()).toEqual(line.sort())
        }
        expect(await sql(fleet, BROKEN, [tenant])).toEqual([])
      },
    ),
    {
      numRuns: process.env.TEST_LONG ? 500 : 25,
      // What is asserted and retracted in one episode was never believed.
      examples: [[NEVER_BELIEVED, fc.sample(fc.infiniteStream(fc.nat()), 1)[0] as fc.Stream<number>]],
    },
  )
})
