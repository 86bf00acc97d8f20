import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** WAL as it is written. */
export const wal: Source = {
  id: 'wal',
  title: 'WAL written',
  groups: [WRITING_METRICS.wal],
  sql: `
    select w.wal_records as records_total, w.wal_fpi as fpi_total, w.wal_bytes as bytes_total, w.wal_buffers_full as buffers_full_total
    from pg_stat_wal w`,
}
