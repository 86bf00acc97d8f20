import type { Footprint } from '../footprint.js'

const entities: Footprint = {
  store: 'metadata',
  table: 'metadata.entities',
  standing: (workload) => workload.entities,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    name: bytes.name,
    sync_group: 6,
    expire_after_update_ms: null,
    expire_after_creation_ms: null,
  }),
  scattered: ['name'],
}

const entries: Footprint = {
  store: 'metadata',
  table: 'metadata.entries',
  standing: (workload) => workload.entities * workload.keysPerEntity,
  updated: ({ metadataWrites }) => metadataWrites,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    key: bytes.key,
    text_value: bytes.value,
    integer_value: null,
    float_value: null,
    boolean_value: null,
  }),
}

/** Tables of the metadata store that grow with its use. Its log of changes is a ring of an hour. */
export const METADATA: readonly Footprint[] = [entities, entries]
