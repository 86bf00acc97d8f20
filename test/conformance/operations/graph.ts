import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

/** The entity at the other end of the sample's relationship. */
const otherOf = ({ id }: Sample) => `f${id.slice(1)}`
const entity = ({ id, name }: Sample) => ({ id, type: 'service', name, properties: { team: name } })
const key = (sample: Sample) => ({ subjectId: sample.id, type: 'uses', objectId: otherOf(sample) })
const longAgo = { knownAt: '2000-01-01' }
const later = () => new Date(Date.now() + 60_000)

const assert = ({ memory }: Place, sample: Sample) => memory.graph.entities.assert(entity(sample))
const assertEnds = ({ memory }: Place, sample: Sample) =>
  memory.graph.entities.assert([entity(sample), { ...entity(sample), id: otherOf(sample) }])
const relate = async (place: Place, sample: Sample) => {
  await assertEnds(place, sample)
  await place.memory.graph.relationships.assert(key(sample))
}
const episode = (sample: Sample) => ({
  id: sample.id,
  changes: [{ op: 'assert' as const, entity: entity({ ...sample, id: otherOf(sample) }) }],
})

const versions = async ({ memory }: Place, { id }: Sample) =>
  (await memory.graph.entities.history(id)).items.map((one) => [one.name, one.properties, one.supersededAt === null])
const relationships = async ({ memory }: Place, sample: Sample) =>
  (await memory.graph.relationships.history(key(sample))).items.map((one) => [
    one.properties,
    one.supersededAt === null,
  ])

const ENTITIES: readonly StoreOperation[] = [
  {
    path: 'memory.graph.entities.assert',
    call: ({ memory }, sample, options) => memory.graph.entities.assert(entity(sample), options),
    read: versions,
    bad: {
      'entities[0].name': ({ memory }, sample) => memory.graph.entities.assert({ ...entity(sample), name: '' }),
      'entities[1].validTo': ({ memory }, sample) =>
        memory.graph.entities.assert([
          entity(sample),
          { ...entity(sample), validFrom: '2001-01-01', validTo: '2000-01-01' },
        ]),
      'entities[0].properties': ({ memory }, sample) =>
        memory.graph.entities.assert({ ...entity(sample), properties: { n: Number.NaN } }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.entities.correct',
    arrange: assert,
    call: ({ memory }, { id }, options) => memory.graph.entities.correct({ id, properties: { team: 'x' } }, options),
    read: versions,
    bad: { 'entities[0].id': ({ memory }) => memory.graph.entities.correct({ id: 'x', name: 'y' }) },
    refused: {
      ENTITY_UNKNOWN: ({ memory }, { id }) =>
        memory.graph.entities.correct([
          { id, name: 'y' },
          { id: uuidv7(), name: 'y' },
        ]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.entities.retract',
    arrange: assert,
    call: ({ memory }, { id }, options) => memory.graph.entities.retract({ id }, options),
    read: versions,
    bad: {
      'entities[0].detach': ({ memory }, { id }) => memory.graph.entities.retract({ id, detach: 1 as never }),
    },
    refused: {
      ENTITY_UNKNOWN: ({ memory }) => memory.graph.entities.retract({ id: uuidv7() }),
      ENTITY_IN_USE: async (place) => {
        const sample = { name: 'used', id: uuidv7(), made: {} }
        await relate(place, sample)
        return await place.memory.graph.entities.retract({ id: sample.id })
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.entities.get',
    arrange: assert,
    call: async ({ memory }, { id }, options) => (await memory.graph.entities.get(id, options))?.name,
    bad: {
      id: ({ memory }) => memory.graph.entities.get('x'),
      'ids[1]': ({ memory }, { id }) => memory.graph.entities.get([id, 'x']),
      'point.at': ({ memory }, { id }) => memory.graph.entities.get(id, { at: 'yesterday' }),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.entities.history',
    arrange: assert,
    call: async ({ memory }, { id }, options) =>
      (await memory.graph.entities.history(id, options)).items.map(({ name }) => name),
    bad: {
      id: ({ memory }) => memory.graph.entities.history('x'),
      'options.after': ({ memory }, { id }) => memory.graph.entities.history(id, { after: 'x' }),
    },
    aborts: true,
  },
  {
    path: 'memory.graph.entities.diff',
    arrange: assert,
    call: async ({ memory }, { id }, options) =>
      (await memory.graph.entities.diff(id, longAgo, {}, options)).differences.map((one) => one.path),
    bad: {
      id: ({ memory }) => memory.graph.entities.diff('x', {}),
      'before.at': ({ memory }, { id }) => memory.graph.entities.diff(id, { at: 'x' }),
      'after.knownAt': ({ memory }, { id }) => memory.graph.entities.diff(id, {}, { knownAt: 'x' }),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.entities.query',
    arrange: assert,
    call: async ({ memory }, { name }, options) =>
      (await memory.graph.entities.query({ properties: { team: name } }, options)).items.map((one) => one.name),
    bad: {
      'query.limit': ({ memory }) => memory.graph.entities.query({ limit: 0 }),
      'query.during.to': ({ memory }) =>
        memory.graph.entities.query({ during: { from: '2001-01-01', to: '2000-01-01' } }),
    },
    aborts: true,
  },
  {
    path: 'memory.graph.entities.search',
    arrange: assert,
    call: async ({ memory }, { name }, options) =>
      (await memory.graph.entities.search({ query: name }, options)).map((one) => one.entity.name),
    bad: { 'searches[0].query': ({ memory }) => memory.graph.entities.search({ query: '' }) },
    aborts: true,
    gathered: true,
  },
]

const RELATIONSHIPS: readonly StoreOperation[] = [
  {
    path: 'memory.graph.relationships.assert',
    arrange: assertEnds,
    call: ({ memory }, sample, options) => memory.graph.relationships.assert(key(sample), options),
    read: relationships,
    bad: {
      'relationships[0].type': ({ memory }, sample) => memory.graph.relationships.assert({ ...key(sample), type: '' }),
      'relationships[1].objectId': ({ memory }, sample) =>
        memory.graph.relationships.assert([key(sample), { ...key(sample), objectId: 'x' }]),
    },
    refused: {
      ENTITY_UNKNOWN: ({ memory }, sample) =>
        memory.graph.relationships.assert([key(sample), { ...key(sample), objectId: uuidv7() }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.relationships.correct',
    arrange: relate,
    call: ({ memory }, sample, options) =>
      memory.graph.relationships.correct({ ...key(sample), properties: { since: 1 } }, options),
    read: relationships,
    bad: {
      'relationships[0].properties': ({ memory }, sample) =>
        memory.graph.relationships.correct({ ...key(sample), properties: 1 as never }),
    },
    refused: {
      RELATIONSHIP_UNKNOWN: ({ memory }, sample) =>
        memory.graph.relationships.correct({ ...key(sample), type: 'other', properties: {} }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.relationships.retract',
    arrange: relate,
    call: ({ memory }, sample, options) => memory.graph.relationships.retract(key(sample), options),
    read: relationships,
    bad: {
      'relationships[0].validFrom': ({ memory }, sample) =>
        memory.graph.relationships.retract({ ...key(sample), validFrom: 'x' }),
    },
    refused: {
      RELATIONSHIP_UNKNOWN: ({ memory }, sample) =>
        memory.graph.relationships.retract({ ...key(sample), type: 'other' }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.relationships.get',
    arrange: relate,
    call: async ({ memory }, sample, options) => (await memory.graph.relationships.get(key(sample), options))?.type,
    bad: {
      'key.subjectId': ({ memory }, sample) => memory.graph.relationships.get({ ...key(sample), subjectId: 'x' }),
      'point.at': ({ memory }, sample) => memory.graph.relationships.get(key(sample), { at: 'x' }),
    },
    aborts: true,
  },
  {
    path: 'memory.graph.relationships.of',
    arrange: relate,
    call: async ({ memory }, { id }, options) =>
      (await memory.graph.relationships.of(id, options)).items.map(({ type }) => type),
    bad: {
      entityId: ({ memory }) => memory.graph.relationships.of('x'),
      'options.direction': ({ memory }, { id }) => memory.graph.relationships.of(id, { direction: 'up' as never }),
    },
    aborts: true,
  },
  {
    path: 'memory.graph.relationships.history',
    arrange: relate,
    call: async ({ memory }, sample, options) =>
      (await memory.graph.relationships.history(key(sample), options)).items.map(({ type }) => type),
    bad: {
      'key.type': ({ memory }, sample) => memory.graph.relationships.history({ ...key(sample), type: '' }),
      'options.limit': ({ memory }, sample) => memory.graph.relationships.history(key(sample), { limit: 0 }),
    },
    aborts: true,
  },
]

const WHOLE: readonly StoreOperation[] = [
  {
    path: 'memory.graph.episodes.record',
    call: ({ memory }, sample, options) => memory.graph.episodes.record(episode(sample), options),
    read: (place, sample) => versions(place, { ...sample, id: otherOf(sample) }),
    bad: {
      'episodes[0].id': ({ memory }, sample) => memory.graph.episodes.record({ ...episode(sample), id: 'x' }),
      'episodes[0].changes[0].entity.id': ({ memory }, { id, name }) =>
        memory.graph.episodes.record({ id, changes: [{ op: 'assert', entity: { type: 't', name } as never }] }),
      'episodes[0].changes[0].entity': ({ memory }, { id }) =>
        memory.graph.episodes.record({ id, changes: [{ op: 'assert' } as never] }),
    },
    refused: {
      ENTITY_UNKNOWN: ({ memory }, sample) =>
        memory.graph.episodes.record({
          ...episode(sample),
          changes: [...episode(sample).changes, { op: 'retract', entity: { id: uuidv7() } }],
        }),
      ID_CONFLICT: async ({ memory }) => {
        const id = uuidv7()
        await memory.graph.episodes.record({ id, changes: [] })
        return await memory.graph.episodes.record({ id, changes: [], source: 'another' })
      },
      ID_OUT_OF_WINDOW: ({ memory }, sample) =>
        memory.graph.episodes.record({ ...episode(sample), id: uuidv7({ msecs: 1e12 }) }),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.traverse',
    arrange: relate,
    call: async ({ memory }, { id }, options) =>
      (await memory.graph.traverse(id, options)).reached.map(({ depth }) => depth),
    bad: {
      start: ({ memory }) => memory.graph.traverse('x'),
      'options.depth': ({ memory }, { id }) => memory.graph.traverse(id, { depth: 0 }),
    },
    refused: {
      ENTITY_UNKNOWN: ({ memory }) => memory.graph.traverse(uuidv7()),
      TRAVERSAL_BUDGET_SPENT: async ({ memory }, sample) => {
        await memory.graph.relationships.assert({ ...key(sample), type: 'knows' })
        return await memory.graph.traverse(sample.id, { budget: 1 })
      },
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.graph.prune',
    arrange: async (place, sample) => {
      await assert(place, sample)
      await place.memory.graph.entities.correct({ id: sample.id, name: `${sample.name}!` })
    },
    call: ({ memory }, _, options) => memory.graph.prune(later(), options),
    read: versions,
    bad: {
      before: ({ memory }) => memory.graph.prune('x'),
      'options.limit': ({ memory }) => memory.graph.prune(later(), { limit: 0 }),
    },
    repeat: 'same',
    aborts: true,
  },
]

/** The knowledge graph. */
export const GRAPH: readonly StoreOperation[] = [...ENTITIES, ...RELATIONSHIPS, ...WHOLE]
