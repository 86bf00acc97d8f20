import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** What shared buffers hold, without a lock. */
export const bufferCache: Source = {
  id: 'buffer-cache',
  title: 'shared buffers in use',
  pace: 'slow',
  versions: { from: 16 },
  needs: { extension: 'pg_buffercache', rights: 'pg_monitor, and usage of the schema that the extension is in' },
  groups: [WRITING_METRICS.buffers],
  sql: `
    select b.buffers_used, b.buffers_unused, b.buffers_dirty, b.buffers_pinned, b.usagecount_avg
    from {schema}.pg_buffercache_summary() b`,
}
