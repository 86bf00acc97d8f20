import { v5 as uuidv5 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

const NAMESPACE = '0b0f6a5e-2d3c-4c37-8a4b-5b9a6c1b7e22'
/** A dimension that is there from the beginning. */
const DIMENSIONS = 384

const idOf = (name: string) => uuidv5(name, NAMESPACE)
const embedding = Array.from({ length: DIMENSIONS }, (_, i) => (i % 7) + 1)
const vector = ({ name }: Sample) => ({ id: idOf(name), scope: name, embedding, content: name, metadata: { name } })
const key = ({ name }: Sample) => ({ id: idOf(name), scope: name })
const keep = ({ memory }: Place, sample: Sample) => memory.vectors.upsert(vector(sample))
const kept = async ({ memory }: Place, sample: Sample) => {
  const found = await memory.vectors.get(key(sample))
  return found && [found.scope, found.metadata, found.content, found.embedding.length]
}
const namesOf = (found: readonly { scope: string; metadata: unknown }[]) =>
  found.map(({ scope, metadata }) => [scope, metadata])
const unknown = [1, 2, 3]

/** Vectors. */
export const VECTORS: readonly StoreOperation[] = [
  {
    path: 'memory.vectors.upsert',
    call: ({ memory }, sample, options) => memory.vectors.upsert(vector(sample), options),
    read: kept,
    bad: {
      'vectors[0].embedding[1]': ({ memory }, sample) =>
        memory.vectors.upsert({ ...vector(sample), embedding: [1, Number.NaN] }),
      'vectors[1].scope': ({ memory }, sample) =>
        memory.vectors.upsert([vector(sample), { ...vector(sample), scope: '' }]),
      'vectors[0].metadata': ({ memory }, sample) =>
        memory.vectors.upsert({ ...vector(sample), metadata: { name: '\0' } }),
    },
    refused: {
      VECTOR_DIMENSION_UNKNOWN: ({ memory }, sample) =>
        memory.vectors.upsert([vector(sample), { ...vector(sample), embedding: unknown }]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
    expires: `memory.vectors_${DIMENSIONS}`,
  },
  {
    path: 'memory.vectors.search',
    arrange: keep,
    call: async ({ memory }, _, options) => namesOf(await memory.vectors.search(embedding, options)),
    bad: {
      'searches[0].embedding': ({ memory }) => memory.vectors.search([]),
      'searches[0].k': ({ memory }) => memory.vectors.search(embedding, { k: 0 }),
    },
    refused: { VECTOR_DIMENSION_UNKNOWN: ({ memory }) => memory.vectors.search(unknown) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.searchMany',
    arrange: keep,
    call: async ({ memory }, _, options) =>
      (await memory.vectors.searchMany([{ embedding }, { embedding, accuracy: 'exact' }], options)).map(namesOf),
    bad: {
      'searches[1].threshold': ({ memory }) =>
        memory.vectors.searchMany([{ embedding }, { embedding, threshold: Number.NaN }]),
    },
    refused: {
      VECTOR_DIMENSION_UNKNOWN: ({ memory }) => memory.vectors.searchMany([{ embedding }, { embedding: unknown }]),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.searchHybrid',
    arrange: keep,
    call: async ({ memory }, { name }, options) =>
      namesOf(await memory.vectors.searchHybrid({ embedding, text: name }, options)),
    bad: {
      'searches[0].text': ({ memory }) => memory.vectors.searchHybrid({ embedding, text: '' }),
      'searches[1].weights': ({ memory }, { name }) =>
        memory.vectors.searchHybrid([
          { embedding, text: name },
          { embedding, text: name, weights: { vector: 0, text: 0 } },
        ]),
    },
    refused: {
      VECTOR_DIMENSION_UNKNOWN: ({ memory }, { name }) =>
        memory.vectors.searchHybrid({ embedding: unknown, text: name }),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.get',
    arrange: keep,
    call: async ({ memory }, sample, options) => (await memory.vectors.get(key(sample), options))?.metadata,
    bad: {
      'keys[0].id': ({ memory }) => memory.vectors.get({ id: 'x' }),
      'keys[1].scope': ({ memory }, sample) => memory.vectors.get([key(sample), { ...key(sample), scope: '' }]),
    },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.updateMetadata',
    arrange: keep,
    call: ({ memory }, sample, options) =>
      memory.vectors.updateMetadata({ ...key(sample), metadata: { seen: true } }, options),
    read: kept,
    bad: {
      'changes[0].metadata': ({ memory }, sample) =>
        memory.vectors.updateMetadata({ ...key(sample), metadata: { name: '\0' } }),
      'changes[1].id': ({ memory }, sample) =>
        memory.vectors.updateMetadata([
          { ...key(sample), metadata: {} },
          { id: 'x', metadata: {} },
        ]),
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.delete',
    arrange: keep,
    call: ({ memory }, sample, options) => memory.vectors.delete(key(sample), options),
    read: kept,
    bad: { 'keys[0].dimensions': ({ memory }, sample) => memory.vectors.delete({ ...key(sample), dimensions: 0 }) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.vectors.deleteScope',
    arrange: keep,
    call: ({ memory }, { name }, options) => memory.vectors.deleteScope(name, options),
    read: kept,
    bad: { scope: ({ memory }) => memory.vectors.deleteScope('') },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.vectors.deleteExpired',
    arrange: async (place, sample) => {
      await keep(place, sample)
      await place.sql(`update memory.vectors_${DIMENSIONS} set expires_at = now() where tenant_id = $1`, [place.tenant])
    },
    call: ({ memory }, _, options) => memory.vectors.deleteExpired(options),
    read: ({ sql, tenant }) => sql(`select scope from memory.vectors_${DIMENSIONS} where tenant_id = $1`, [tenant]),
    bad: { 'options.limit': ({ memory }) => memory.vectors.deleteExpired({ limit: 0 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.vectors.stats',
    arrange: keep,
    call: async ({ memory }, _, options) =>
      (await memory.vectors.stats(options)).map(({ scope, vectors }) => [scope, vectors]),
    bad: { 'options.scope': ({ memory }) => memory.vectors.stats({ scope: '' }) },
    aborts: true,
  },
  {
    path: 'memory.vectors.scopes',
    arrange: keep,
    call: ({ memory }, _, options) => memory.vectors.scopes(options),
    bad: { 'options.limit': ({ memory }) => memory.vectors.scopes({ limit: 0 }) },
    aborts: true,
  },
]
