import { v7 as uuidv7 } from 'uuid'
import type { Place, Sample, StoreOperation } from '../operation.js'

/** Content of its own, so that no sample shares another's bytes. */
const artifact = ({ id, name }: Sample) => ({ id, name, content: `${name} as text` })
const put = ({ memory }: Place, sample: Sample) => memory.artifacts.put(artifact(sample))
const versions = async ({ memory }: Place, { name }: Sample) =>
  (await memory.artifacts.versions(name)).map(({ version, size }) => [version, size])
const textOf = async (source: AsyncIterable<Uint8Array>) => {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

/** Artifacts. */
export const ARTIFACTS: readonly StoreOperation[] = [
  {
    path: 'memory.artifacts.put',
    call: ({ memory }, sample, options) => memory.artifacts.put(artifact(sample), options),
    read: versions,
    bad: {
      'artifacts[0].name': ({ memory }, sample) => memory.artifacts.put({ ...artifact(sample), name: '' }),
      'artifacts[1].content': ({ memory }, sample) =>
        memory.artifacts.put([artifact(sample), { ...artifact(sample), content: 1 as never }]),
      'artifacts[0].content': ({ memory }, sample) => memory.artifacts.put({ ...artifact(sample), sizeMax: 1 }),
      'artifacts[0].metadata': ({ memory }, sample) =>
        memory.artifacts.put({ ...artifact(sample), metadata: { n: Number.NaN } }),
    },
    refused: {
      HASH_MISMATCH: ({ memory }, sample) => memory.artifacts.put({ ...artifact(sample), sha256: '0'.repeat(64) }),
      UPLOAD_BROKEN: ({ memory }, sample) =>
        memory.artifacts.put({
          ...artifact(sample),
          content: (function* () {
            yield 'half'
            throw new Error('broken')
          })(),
        }),
      SESSION_UNKNOWN: ({ memory }, sample) =>
        memory.artifacts.put([artifact(sample), { ...artifact(sample), id: uuidv7(), sessionId: uuidv7() }]),
      ARTIFACT_UNKNOWN: ({ memory }, sample) => memory.artifacts.put({ ...artifact(sample), parent: uuidv7() }),
      ID_CONFLICT: async ({ memory }, sample) => {
        const other = { id: uuidv7(), name: `${sample.name}!` }
        await memory.artifacts.put({ ...other, content: 'one' })
        return await memory.artifacts.put([artifact(sample), { ...other, content: 'another' }])
      },
    },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.artifacts.get',
    arrange: put,
    call: async ({ memory }, { id }, options) => (await memory.artifacts.get(id, options))?.name,
    bad: { 'ids[1]': ({ memory }, { id }) => memory.artifacts.get([id, 'x']) },
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.artifacts.read',
    arrange: put,
    call: ({ memory }, { id }, options) => textOf(memory.artifacts.read(id, options)),
    bad: {
      'options.start': ({ memory }, { id }) => textOf(memory.artifacts.read(id, { start: -1 })),
      'options.end': ({ memory }, { id }) => textOf(memory.artifacts.read(id, { end: 1_000 })),
    },
    refused: { ARTIFACT_UNKNOWN: ({ memory }) => textOf(memory.artifacts.read(uuidv7())) },
    aborts: true,
  },
  {
    path: 'memory.artifacts.readBytes',
    arrange: put,
    call: async ({ memory }, { id }, options) => (await memory.artifacts.readBytes(id, options)).toString(),
    bad: {
      'options.start': ({ memory }, { id }) => memory.artifacts.readBytes(id, { start: 0.5 }),
      'options.sizeMax': ({ memory }, { id }) => memory.artifacts.readBytes(id, { sizeMax: Number.NaN }),
    },
    refused: { ARTIFACT_UNKNOWN: ({ memory }) => memory.artifacts.readBytes(uuidv7()) },
    aborts: true,
  },
  {
    path: 'memory.artifacts.delete',
    arrange: put,
    call: ({ memory }, { id }, options) => memory.artifacts.delete(id, options),
    read: versions,
    bad: { 'ids[1]': ({ memory }, { id }) => memory.artifacts.delete([id, 'x']) },
    repeat: 'same',
    aborts: true,
    gathered: true,
  },
  {
    path: 'memory.artifacts.list',
    arrange: put,
    call: async ({ memory }, _, options) => (await memory.artifacts.list(options)).map(({ name }) => name),
    bad: { 'options.tag': ({ memory }) => memory.artifacts.list({ tag: '' }) },
    aborts: true,
  },
  {
    path: 'memory.artifacts.versions',
    arrange: put,
    call: async ({ memory }, { name }, options) =>
      (await memory.artifacts.versions(name, options)).map(({ version }) => version),
    bad: {
      name: ({ memory }) => memory.artifacts.versions(''),
      'options.before': ({ memory }, { name }) => memory.artifacts.versions(name, { before: 0 }),
    },
    aborts: true,
  },
  {
    path: 'memory.artifacts.collectGarbage',
    arrange: async (place, sample) => {
      await put(place, sample)
      await place.memory.artifacts.delete(sample.id)
    },
    call: ({ memory }, _, options) => memory.artifacts.collectGarbage({ graceMs: 0, ...options }),
    read: ({ sql, tenant }) =>
      sql(
        `select (select count(*)::integer from memory.artifact_contents where tenant_id = $1) as contents,
          (select count(*)::integer from memory.artifact_chunks where tenant_id = $1) as chunks`,
        [tenant],
      ),
    bad: { 'options.graceMs': ({ memory }) => memory.artifacts.collectGarbage({ graceMs: -1 }) },
    repeat: 'same',
    aborts: true,
  },
  {
    path: 'memory.artifacts.stats',
    arrange: put,
    call: async ({ memory }, _, options) => {
      const { artifacts, contents, bytes } = await memory.artifacts.stats(options)
      return { artifacts, contents, bytes }
    },
    bad: { 'options.signal': ({ memory }) => memory.artifacts.stats({ signal: 1 as never }) },
    aborts: true,
  },
]
