import type { Footprint } from '../footprint.js'

/** Bytes of content that one chunk of an artifact stands for. */
const CHUNK_BYTES = 262_144

const events: Footprint = {
  store: 'memory',
  table: 'memory.events',
  daily: (workload) => workload.events,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    event_type: 12,
    agent_id: 8,
    payload: bytes.event,
  }),
  grouped: () => ({ event_type: 8 }),
  partial: { _session: 1 },
}

/** The vectors of a table: with an id, members to filter by, and no text. */
function vectors(dimensions: number): Footprint {
  return {
    store: 'memory',
    table: `memory.vectors_${dimensions}`,
    standing: (workload) => workload.vectors[dimensions] ?? 0,
    widths: ({ bytes }) => ({ tenant_id: bytes.tenant, scope: 7, metadata: bytes.vectorMetadata, event_time: null }),
    dumpShare: 1.1,
  }
}

const artifacts: Footprint = {
  store: 'memory',
  table: 'memory.artifacts',
  daily: (workload) => workload.artifacts,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    session_id: null,
    parent_artifact_id: null,
    name: bytes.name,
    artifact_type: 6,
    mime_type: 24,
    // An empty array, and an empty object.
    tags: 12,
    metadata: 4,
  }),
  scattered: ['name'],
}

const artifactNames: Footprint = {
  store: 'memory',
  table: 'memory.artifact_names',
  daily: (workload) => workload.artifacts,
  widths: ({ bytes }) => ({ tenant_id: bytes.tenant, name: bytes.name }),
  scattered: ['name'],
}

const artifactContents: Footprint = {
  store: 'memory',
  table: 'memory.artifact_contents',
  daily: (workload) => workload.artifacts,
  widths: ({ bytes }) => ({ tenant_id: bytes.tenant, sha256: 32, codec: 6 }),
  scattered: ['sha256'],
}

const artifactChunks: Footprint = {
  store: 'memory',
  table: 'memory.artifact_chunks',
  daily: ({ artifacts, artifactBytes }) => artifacts * Math.ceil(artifactBytes / CHUNK_BYTES),
  widths: ({ bytes, artifactBytes, artifactStoredShare }) => ({
    tenant_id: bytes.tenant,
    codec: 6,
    data: (artifactStoredShare * artifactBytes) / Math.max(1, Math.ceil(artifactBytes / CHUNK_BYTES)),
  }),
  dumpShare: 1,
}

/** Tables of the memory store that grow with its use; those of vectors by the dimensions that are kept. */
export function memoryFootprints(dimensions: readonly number[]): readonly Footprint[] {
  return [events, ...dimensions.map(vectors), artifacts, artifactNames, artifactContents, artifactChunks]
}
