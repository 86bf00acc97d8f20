import type { Footprint } from '../footprint.js'

const metrics: Footprint = {
  store: 'delivery',
  table: 'delivery.metrics',
  daily: (workload) => workload.metrics,
  widths: ({ bytes }) => ({ tenant_id: bytes.tenant, boolean_value: null }),
  grouped: ({ series }) => ({ series_id: series }),
  repeated: ({ batch }) => ({ transaction_id: batch }),
}

const metricSeries: Footprint = {
  store: 'delivery',
  table: 'delivery.metric_series',
  standing: ({ series }) => series,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    name: bytes.name,
    category: 11,
    metric_type: 5,
    dimensions: bytes.dimensions,
  }),
  scattered: ['series_id', 'name'],
}

const auditLog: Footprint = {
  store: 'delivery',
  table: 'delivery.audit_log',
  daily: ({ auditEntries }) => auditEntries,
  widths: ({ bytes }) => ({
    tenant_id: bytes.tenant,
    entity_type: 10,
    entity_id: bytes.name,
    action: 6,
    result: 7,
    security_level: 6,
    changes: bytes.changes,
    // Each entry alone, as calls of one leave it: batches need less.
    more_entity_ids: null,
  }),
  scattered: ['entity_id'],
}

/** Tables of the delivery store that grow with its use. */
export const DELIVERY: readonly Footprint[] = [metrics, metricSeries, auditLog]
